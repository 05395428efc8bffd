/** Snappy in plain JavaScript: the reference of the kernel, and what makes its input. */

const HASH_BITS = 14
const MIN_MATCH = 4
const MAX_COPY = 64
const MAX_LITERAL = 65_536

/** A raw snappy stream: copies of what a hash of four bytes finds within 64 KiB, literals between. */
export function snappyCompress(input: Uint8Array): Uint8Array {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength)
  const table = new Int32Array(1 << HASH_BITS).fill(-1)
  const out: number[] = []
  for (let length = input.length; ; length >>>= 7) {
    out.push(length < 128 ? length : (length & 127) | 128)
    if (length < 128) break
  }
  let literal = 0
  for (let at = 0; at + MIN_MATCH <= input.length;) {
    const word = view.getInt32(at, true)
    const slot = Math.imul(word, 0x1e35a7bd) >>> (32 - HASH_BITS)
    const match = table[slot]
    table[slot] = at
    if (match < 0 || at - match > 65_535 || view.getInt32(match, true) !== word) {
      at++
      continue
    }
    pushLiteral(out, input, literal, at)
    let length = MIN_MATCH
    while (length < MAX_COPY && at + length < input.length && input[match + length] === input[at + length]) length++
    out.push(((length - 1) << 2) | 2, (at - match) & 255, (at - match) >>> 8)
    at += length
    literal = at
  }
  pushLiteral(out, input, literal, input.length)
  return Uint8Array.from(out)
}

function pushLiteral(out: number[], input: Uint8Array, start: number, end: number): void {
  for (let from = start; from < end; from += MAX_LITERAL) {
    const length = Math.min(MAX_LITERAL, end - from)
    if (length <= 60) out.push((length - 1) << 2)
    else out.push(61 << 2, (length - 1) & 255, (length - 1) >>> 8)
    for (let i = from; i < from + length; i++) out.push(input[i])
  }
}

/** Decompresses a stream of `snappyCompress` (literals and two-byte copies) into `output`, which has its length. Checks nothing. */
export function snappyDecompress(input: Uint8Array, output: Uint8Array): Uint8Array {
  let at = 0
  while (input[at++] >= 128);
  let to = 0
  while (at < input.length) {
    const tag = input[at++]
    if ((tag & 3) === 0) {
      let length = (tag >>> 2) + 1
      if (length === 62) {
        length = (input[at] | (input[at + 1] << 8)) + 1
        at += 2
      }
      for (let i = 0; i < length; i++) output[to++] = input[at++]
    } else {
      const length = (tag >>> 2) + 1
      let from = to - (input[at] | (input[at + 1] << 8))
      at += 2
      for (let i = 0; i < length; i++) output[to++] = output[from++]
    }
  }
  return output
}
