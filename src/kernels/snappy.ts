/**
 * Snappy's raw format (format_description.txt of google/snappy). Copies go in pieces of 16 bytes, so the output needs
 * 64 bytes behind its end; whatever the input says, nothing is written behind them and nothing outside the output
 * is copied from.
 */
import { copyBack } from './copy-back'

/**
 * Decompresses the `byteLength` bytes at `source`; `target` has room for `size` + 64 bytes: a literal of up to that
 * length is stored as four whole vectors. True if the input is
 * whole and gives exactly `size` bytes. May read up to 64 bytes behind the input.
 */
export function snappyDecompress(source: usize, byteLength: u32, target: usize, size: u32): bool {
  let from = source
  const fromEnd = source + byteLength
  let claimed: u64 = 0
  let shift: u64 = 0
  let byte: u64 = 128
  for (; byte >= 128 && shift < 35 && from < fromEnd; shift += 7) {
    byte = load<u8>(from++)
    claimed |= (byte & 127) << shift
  }
  if (byte >= 128 || claimed != <u64>size) return false
  let to = target
  const toEnd = target + size
  // Nothing is stored while `to` is behind the end; one step moves it by at most a short literal or to a checked end.
  while (from < fromEnd) {
    if (to > toEnd) return false
    const tag: u32 = load<u8>(from++)
    let length: u32
    let distance: u32
    if ((tag & 3) == 0) {
      length = (tag >> 2) + 1
      if (length <= 16) {
        v128.store(to, v128.load(from))
        from += length
        to += length
        continue
      }
      if (length > 60) {
        const extra = length - 60
        length = load<u32>(from) & (<u32>0xffffffff >> ((4 - extra) << 3))
        from += extra
        if (length == u32.MAX_VALUE) return false
        length++
      }
      if (from > fromEnd || length > <u32>(fromEnd - from) || length > <u32>(toEnd - to)) return false
      if (length <= 64) {
        v128.store(to, v128.load(from))
        v128.store(to, v128.load(from, 16), 16)
        if (length > 32) {
          v128.store(to, v128.load(from, 32), 32)
          v128.store(to, v128.load(from, 48), 48)
        }
      } else memory.copy(to, from, length)
      from += length
      to += length
      continue
    }
    if ((tag & 3) == 1) {
      length = ((tag >> 2) & 7) + 4
      distance = ((tag >> 5) << 8) | load<u8>(from)
      from += 1
    } else if ((tag & 3) == 2) {
      length = (tag >> 2) + 1
      distance = load<u16>(from)
      from += 2
    } else {
      length = (tag >> 2) + 1
      distance = load<u32>(from)
      from += 4
    }
    if (distance == 0 || distance > <u32>(to - target) || length > <u32>(toEnd - to)) return false
    copyBack(to, distance, length)
    to += length
  }
  return from == fromEnd && to == toEnd
}
