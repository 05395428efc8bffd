/** Loops over row numbers that other kernels inline. */

/** The values at `count` row numbers (i32, none negative). */
// @ts-ignore: decorator
@inline export function gatherDense<T>(values: usize, indices: usize, count: u32, target: usize): void {
  const size = sizeof<T>()
  let to = target
  let at = indices
  const end = indices + (<usize>count << 2)
  for (; at + 16 <= end; at += 16, to += 4 * size) {
    const first = load<T>(values + <usize>load<u32>(at) * size)
    const second = load<T>(values + <usize>load<u32>(at, 4) * size)
    const third = load<T>(values + <usize>load<u32>(at, 8) * size)
    const fourth = load<T>(values + <usize>load<u32>(at, 12) * size)
    store<T>(to, first)
    store<T>(to + size, second)
    store<T>(to + 2 * size, third)
    store<T>(to + 3 * size, fourth)
  }
  for (; at < end; at += 4, to += size) store<T>(to, load<T>(values + <usize>load<u32>(at) * size))
}
