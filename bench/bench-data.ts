/** The data of the benchmarks. */
import { showProgress } from '../src/cli/tpch.js'
import { dataDirectory } from '../tpch/data-directory.js'

/** TPC-H Parquet files of this scale in the checkout's `data`, made if they are not there. */
export const benchData = (root: string, scale: number, signal: AbortSignal): Promise<string> =>
  dataDirectory({
    root,
    scale,
    signal,
    onStart: () => process.stderr.write(`making TPC-H data, scale ${scale} …\n`),
    onProgress: showProgress,
  })
