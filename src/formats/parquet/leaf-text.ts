/** Leaves that this project reads as text or widens: TIME, UUID, half floats. */
import type { FfiArray, FfiMemory } from './arrow-ffi.js'
import type { LeafMeaning } from './parquet-schema.js'

const UUID_BYTES = 16

/** Text of row `row` of a TIME or UUID array; undefined if the array is neither. */
export function fixedText(
  memory: FfiMemory,
  array: FfiArray,
  meaning: LeafMeaning,
): ((row: number) => string) | undefined {
  const [, values] = array.buffers
  if (array.format === `w:${UUID_BYTES}`) {
    return row => {
      const at = values + (array.offset + row) * UUID_BYTES
      const hex = Buffer.from(memory.bytes.subarray(at, at + UUID_BYTES)).toString('hex')
      return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
    }
  }
  const digits =
    { timeMillis: 3, timeMicros: 6, timeNanos: 9 }[meaning as string] ?? { ttm: 3, ttu: 6, ttn: 9 }[array.format]
  if (digits === undefined) return undefined
  if (array.format === 'i' || array.format === 'ttm') {
    return row => timeText(BigInt(memory.view.getInt32(values + (array.offset + row) * 4, true)), digits)
  }
  return row => timeText(memory.view.getBigInt64(values + (array.offset + row) * 8, true), digits)
}

/** `HH:MM:SS`, with a fraction when there is one, of a count of 10^-digits seconds since midnight. */
export function timeText(count: bigint, digits: number): string {
  const scale = 10n ** BigInt(digits)
  const seconds = Number(count / scale)
  const two = (value: number): string => String(value).padStart(2, '0')
  const clock = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`
  const fraction = String(count % scale)
    .padStart(digits, '0')
    .replace(/0+$/, '')
  return fraction === '' ? clock : `${clock}.${fraction}`
}

/** An IEEE 754 binary16 value. */
export function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >>> 10) & 31
  const fraction = bits & 1023
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN
  return sign * (1024 + fraction) * 2 ** (exponent - 25)
}
