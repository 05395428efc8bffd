/** Reads the structs of the Arrow C data interface (CDataInterface.html of Apache Arrow) in a 32-bit WebAssembly memory. */

/** The memory as it is now; a view dies when the memory grows. */
export interface FfiMemory {
  readonly bytes: Uint8Array
  readonly view: DataView
}

export const ffiMemory = (memory: WebAssembly.Memory): FfiMemory => ({
  bytes: new Uint8Array(memory.buffer),
  view: new DataView(memory.buffer),
})

/** One ArrowArray with its ArrowSchema. Positions are in the foreign memory. */
export interface FfiArray {
  readonly format: string
  readonly length: number
  /** -1: not counted. */
  readonly nullCount: number
  readonly offset: number
  /** The first is the validity bitmap, or 0. */
  readonly buffers: readonly number[]
  readonly children: readonly FfiArray[]
}

const MAX_FORMAT_BYTES = 256

/** Follows the pointers of one array and its schema. */
export function readFfiArray(memory: FfiMemory, array: number, schema: number): FfiArray {
  const { view } = memory
  const pointer = (position: number): number => view.getUint32(position, true)
  const count = (position: number): number => Number(view.getBigInt64(position, true))
  const list = (position: number, length: number): number[] =>
    Array.from({ length }, (_, i) => pointer(position + 4 * i))
  const schemas = list(pointer(schema + 32), count(schema + 24))
  return {
    format: cString(memory, pointer(schema)),
    length: count(array),
    nullCount: count(array + 8),
    offset: count(array + 16),
    buffers: list(pointer(array + 40), count(array + 24)),
    children: list(pointer(array + 44), count(array + 32)).map((child, i) => readFfiArray(memory, child, schemas[i])),
  }
}

function cString({ bytes }: FfiMemory, position: number): string {
  const end = bytes.subarray(position, position + MAX_FORMAT_BYTES).indexOf(0)
  return Buffer.from(bytes.subarray(position, position + Math.max(end, 0))).toString('latin1')
}
