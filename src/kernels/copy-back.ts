/** What the codecs share: copies from the output's own past. */

/**
 * Row `n`: the numbers 0 .. n - 1 over and over, by which a swizzle repeats the last `n` bytes of the output. Row 0: how many
 * bytes of such a vector are whole repetitions, so that the next vector starts with the pattern's first byte.
 */
const PATTERNS: usize = memory.data<u8>([
  0, 16, 16, 15, 16, 15, 12, 14, 16, 9, 10, 11, 12, 13, 14, 15,
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
  0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1,
  0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0,
  0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3,
  0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0,
  0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5, 0, 1, 2, 3,
  0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4, 5, 6, 0, 1,
  0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7,
  0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 2, 3, 4, 5, 6,
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5,
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0, 1, 2, 3, 4,
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0, 1, 2, 3,
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0, 1, 2,
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 0, 1,
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0,
])

/** Repeats `length` (not 0) bytes from `distance` bytes before `to`, in pieces of 16 bytes: up to 16 too many are written. */
// @ts-ignore: decorator
@inline export function copyBack(to: usize, distance: u32, length: u32): void {
  const end = to + length
  let back = to - distance
  if (distance >= 16) {
    v128.store(to, v128.load(back))
    if (length > 16) {
      do {
        to += 16
        back += 16
        v128.store(to, v128.load(back))
      } while (to + 16 < end)
    }
  } else {
    const pattern = i8x16.swizzle(v128.load(back), v128.load(PATTERNS + (<usize>distance << 4)))
    const step: usize = load<u8>(PATTERNS + distance)
    for (; to < end; to += step) v128.store(to, pattern)
  }
}
