/** LZ4 (lz4_Frame_format.md and lz4_Block_format.md of LZ4) of a known size: frames, and the blocks in them. */

const MAGIC = 0x184d2204
const VERSION = 1
/** Of a block's size: the block is stored as it is. */
const STORED = 0x80000000
const MIN_MATCH = 4
/** Lengths of 15 and more go on in bytes of 255. */
const LONG = 15

/** One byte stands for so many at most. */
export const MAX_LZ4_RATIO = 255

/** The `size` bytes that a frame stands for; undefined if it is damaged or stands for another number of bytes. */
export function decodeLz4Frame(frame: Uint8Array, size: number): Uint8Array | undefined {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength)
  if (frame.length < 7 || view.getUint32(0, true) !== MAGIC) return undefined
  const flags = frame[4]
  if (flags >> 6 !== VERSION) return undefined
  const [hasBlockChecksums, hasSize, hasDictionary] = [16, 8, 1].map(flag => (flags & flag) !== 0)
  if (hasDictionary) return undefined
  const output = new Uint8Array(size)
  let from = 4 + 2 + (hasSize ? 8 : 0) + 1
  let to = 0
  for (;;) {
    if (from + 4 > frame.length) return undefined
    const header = view.getUint32(from, true)
    from += 4
    // Checksums are not looked at: Arrow's own writers leave them out.
    if (header === 0) return to === size ? output : undefined
    const byteLength = header % STORED
    const end = from + byteLength
    if (end > frame.length) return undefined
    if (header >= STORED) {
      if (to + byteLength > size) return undefined
      output.set(frame.subarray(from, end), to)
      to += byteLength
    } else {
      to = decodeLz4Block(frame, from, end, output, to)
      if (to < 0) return undefined
    }
    from = end + (hasBlockChecksums ? 4 : 0)
  }
}

/** Writes what the block [from, end) stands for behind the `start` bytes of the output; the bytes in it then, -1 for damage. */
export function decodeLz4Block(
  block: Uint8Array,
  from: number,
  end: number,
  output: Uint8Array,
  start: number,
): number {
  let at = from
  let to = start
  /** A length of which `first` stood in the token; NaN when the block ends within it. */
  const lengthOf = (first: number): number => {
    let length = first
    if (first < LONG) return length
    for (let byte = 255; byte === 255; length += byte) byte = at < end ? block[at++] : NaN
    return length
  }
  while (at < end) {
    const token = block[at++]
    const literals = lengthOf(token >> 4)
    if (!(at + literals <= end && to + literals <= output.length)) return -1
    for (const stop = at + literals; at < stop;) output[to++] = block[at++]
    // A block ends with literals.
    if (at === end) return to
    if (at + 2 > end) return -1
    const source = to - (block[at] | (block[at + 1] << 8))
    at += 2
    const length = lengthOf(token & LONG) + MIN_MATCH
    if (source < 0 || source === to || !(to + length <= output.length)) return -1
    // A match may reach into what it writes.
    for (let i = 0; i < length; i++) output[to + i] = output[source + i]
    to += length
  }
  return -1
}
