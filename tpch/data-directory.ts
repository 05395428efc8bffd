/** The data of a checkout, in its folder `data`: made once, complete or not there. */
import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { generateTpch, type GenerateProgress } from './generate.js'

export interface DataDirectoryOptions {
  /** The checkout. */
  readonly root: string
  /** TPC-H scale factor. */
  readonly scale: number
  readonly signal: AbortSignal
  /** Called before data are made, with the directory. */
  readonly onStart: (directory: string) => void
  readonly onProgress: (progress: GenerateProgress) => void
}

/** The directory of the Parquet files, which are generated if they are not there. It appears when it is complete. */
export async function dataDirectory(options: DataDirectoryOptions): Promise<string> {
  const { root, scale, signal, onProgress } = options
  const directory = join(root, 'data', `tpch-${scale}`)
  if (existsSync(directory)) return directory
  const temporary = join(root, 'data', `.tpch-${scale}.${process.pid}.tmp`)
  options.onStart(directory)
  try {
    await mkdir(temporary, { recursive: true })
    await removeAbandoned(join(root, 'data'))
    await generateTpch({ scale, out: temporary, format: 'parquet', signal, onProgress })
    await rename(temporary, directory).catch((error: unknown) => {
      // Another process was faster; its data are the same bytes.
      if (!existsSync(directory)) throw error
    })
    return directory
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

/** What processes left behind that were killed while they made data. */
async function removeAbandoned(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const [, pid] = /^\.tpch-.*\.(\d+)\.tmp$/.exec(name) ?? []
    if (pid !== undefined && !isRunning(Number(pid))) await rm(join(directory, name), { recursive: true, force: true })
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
