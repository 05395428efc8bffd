/** Parquet bytes to arena batches: parquet-wasm decodes, its Arrow arrays are copied once, from its memory into the arena. */
import type { Batch, Column } from '../../arrow/batch.js'
import { fail } from '../../common/errors.js'
import { BlockScope } from '../block-scope.js'
import { ffiMemory, readFfiArray } from './arrow-ffi.js'
import { decodeColumn } from './decode-column.js'
import type { ParquetColumn } from './parquet-schema.js'

export type ParquetWasm = typeof import('parquet-wasm')
let loading: Promise<ParquetWasm> | undefined

/** The decoder; its 5 MB module is compiled on first use (about 60 ms). */
export const loadParquetWasm = (): Promise<ParquetWasm> => (loading ??= import('parquet-wasm'))

export interface DecodeRequest {
  /** A complete Parquet file of one row group. */
  readonly bytes: Uint8Array
  readonly columns: readonly ParquetColumn[]
  readonly batchRows: number
  /** For errors. */
  readonly path: string
  readonly rowGroup: number
}

/**
 * Decodes `bytes` into batches of at most `batchRows` rows with all of `columns`, given away one by one. The decoded row
 * group lies in the decoder's memory until the generator ends or is returned. Throws FILE_INVALID.
 */
export function* decodeRowGroup(wasm: ParquetWasm, request: DecodeRequest): Generator<Batch, void> {
  const table = decoded(request, () => wasm.readParquet(request.bytes, { batchSize: request.batchRows }))
  try {
    // Names with a zero byte are refused only here.
    const stream = decoded(request, () => table.toFFI())
    try {
      for (let i = 0; i < stream.numArrays(); i++) {
        yield copyBatch(wasm, request, stream.arrayAddr(i), stream.schemaAddr())
      }
    } finally {
      stream.free()
    }
  } finally {
    table.free()
  }
}

/** What the decoder gives. */
function decoded<T>({ path, rowGroup }: DecodeRequest, decode: () => T): T {
  try {
    return decode()
  } catch (error) {
    // A panic of the decoder (RuntimeError) leaves its instance usable, so that it is an ordinary corrupt file here.
    const reason = error instanceof Error ? error.message : String(error)
    throw fail('FILE_INVALID', [path, `row group ${rowGroup} cannot be decoded: ${reason}`], { cause: error })
  }
}

function copyBatch(wasm: ParquetWasm, request: DecodeRequest, array: number, schema: number): Batch {
  const { path, rowGroup, columns } = request
  const memory = ffiMemory(wasm.wasmMemory())
  const struct = readFfiArray(memory, array, schema)
  if (struct.children.length !== columns.length) {
    throw fail('FILE_INVALID', [
      path,
      `row group ${rowGroup} decodes to ${struct.children.length} columns, not ${columns.length}`,
    ])
  }
  const scope = new BlockScope()
  try {
    const copied = columns.map((column, i): Column => {
      const result = decodeColumn({ memory, scope }, struct.children[i], column)
      if (result === undefined) {
        const found = struct.children[i].format
        throw fail('FILE_INVALID', [
          path,
          `row group ${rowGroup}: column '${column.field.name}' decodes to the Arrow type '${found}'`,
        ])
      }
      return result
    })
    scope.take()
    return { schema: { fields: columns.map(column => column.field) }, rowCount: struct.length, columns: copied }
  } finally {
    scope.close()
  }
}
