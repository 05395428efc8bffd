/** Parquet as a file format. */
import type { FileFormat } from '../format.js'
import { withDistinctCounts } from './distinct-counts.js'
import { readFooter } from './footer.js'
import { scanParquet } from './read.js'
import { dataBytes, fileStatistics, rowGroupSplits } from './split-plan.js'
import { openParquetEncoder, openParquetWriter, parquetWriteOptions } from './write.js'

export const parquetFormat: FileFormat = {
  name: 'parquet',
  extensions: ['parquet', 'parq', 'pq'],
  readOptions: [],
  appliesFilters: true,
  writeOptions: ['bloom_filter_columns', 'compression', 'max_row_group_size', 'row_group_size'],
  schema: async (path, host) => (await readFooter(path, host)).schema,
  async inspect(path, _options, host) {
    const footer = await readFooter(path, host)
    return {
      schema: footer.schema,
      rowCount: footer.rowCount,
      byteLength: dataBytes(footer),
      columns: await withDistinctCounts(footer, fileStatistics(footer), host),
    }
  },
  async splits(path, { pruning, fileSchema, host }) {
    return rowGroupSplits(await readFooter(path, host), pruning, fileSchema)
  },
  scan: scanParquet,
  openWriter: ({ path, schema, options, host }) =>
    openParquetWriter(path, schema, { host, ...parquetWriteOptions(options, schema) }),
  openEncoder: ({ schema, options }) => openParquetEncoder(schema, parquetWriteOptions(options, schema)),
}
