/** Number kernels at the edges of 64 and 128 bits against BigInt. */
import test from 'ava'
import { alloc, bytesInUse, release, views } from '../../src/arrow/memory.js'
import { seededRng, type Rng } from '../../src/common/clock.js'
import { civilFromDays } from '../../src/expr/calendar.js'
import { divideRounded } from '../../src/expr/decimal-value.js'
import { exprKernels } from '../../src/expr/vector/kernel-calls.js'

const SEED = Number(process.env.SEED ?? 5)
const LIMIT = 10n ** 38n - 1n
const LIMIT_WORDS = [BigInt.asUintN(64, LIMIT), LIMIT >> 64n] as const

/** A number of up to `bits` bits whose magnitude is spread over all lengths. */
function randomBits(rng: Rng, bits: number): bigint {
  const length = Math.floor(rng.next() * (bits + 1))
  const magnitude = BigInt(`0x${rng.id()}`) & ((1n << BigInt(length)) - 1n)
  const value = rng.next() < 0.1 ? 1n << BigInt(Math.max(0, length - 1)) : magnitude
  return rng.next() < 0.5 ? -value : value
}

function withBlocks<T>(sizes: readonly number[], use: (...positions: number[]) => T): T {
  const blocks = sizes.map(size => alloc(size))
  try {
    return use(...blocks)
  } finally {
    blocks.forEach(release)
  }
}

function write128(position: number, value: bigint): void {
  views().u64[position / 8] = BigInt.asUintN(64, value)
  views().i64[position / 8 + 1] = BigInt.asIntN(64, value >> 64n)
}

const read128 = (position: number): bigint => (views().i64[position / 8 + 1] << 64n) | views().u64[position / 8]

test.afterEach(t => t.is(bytesInUse(), 0))

test.serial('128-bit products and sums are exact or refused', t => {
  const rng = seededRng(SEED)
  for (let round = 0; round < 20_000; round++) {
    const clamp = (value: bigint): bigint => (value > LIMIT ? LIMIT : value < -LIMIT ? -LIMIT : value)
    const [a, b] = [clamp(randomBits(rng, 127)), clamp(randomBits(rng, 127))]
    const [ka, kb] = [
      10n ** BigInt(Math.floor(rng.next() * 19)),
      (rng.next() < 0.5 ? -1n : 1n) * 10n ** BigInt(Math.floor(rng.next() * 19)),
    ]
    withBlocks([16, 16, 16], (x, y, out) => {
      write128(x, a)
      write128(y, b)
      const label = `SEED=${SEED} ${a} ${b} ${ka} ${kb}`
      const product = exprKernels().decimalMultiply(x, 16, 16, y, 16, 16, ...LIMIT_WORDS, 0, 1, out)
      const exact = a * b
      if ((product === 0) !== (exact >= -LIMIT && exact <= LIMIT)) t.fail(`product ${label}`)
      if (product === 0 && read128(out) !== exact) t.fail(`product ${label}: ${read128(out)}`)
      const sum = exprKernels().decimalLinear(x, 16, 16, ka, y, 16, 16, kb, ...LIMIT_WORDS, 0, 1, out)
      const total = a * ka + b * kb
      const bound = 1n << 126n
      const safe = [a * ka, b * kb].every(term => term < bound && term > -bound)
      if (safe && (sum === 0) !== (total >= -LIMIT && total <= LIMIT)) t.fail(`sum ${label}`)
      if (!safe && sum === 0) t.fail(`sum that may wrap ${label}`)
      if (sum === 0 && read128(out) !== total) t.fail(`sum ${label}: ${read128(out)}`)
    })
  }
  t.pass()
})

test.serial('checked 64-bit arithmetic refuses exactly what does not fit', t => {
  const rng = seededRng(SEED)
  const edges = [0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 32n, -(2n ** 31n), 3_037_000_500n]
  withBlocks([8, 8, 8], (x, y, out) => {
    for (let round = 0; round < 20_000; round++) {
      const draw = (): bigint =>
        rng.next() < 0.3 ? edges[Math.floor(rng.next() * edges.length)] : BigInt.asIntN(64, randomBits(rng, 64))
      const [a, b] = [draw(), draw()]
      views().i64[x / 8] = a
      views().i64[y / 8] = b
      const label = `SEED=${SEED} ${a} ${b}`
      for (const [op, exact] of [a + b, a - b, a * b].entries()) {
        const bad = exprKernels().arithmeticChecked(op, x, y, 8, 0, 1, out)
        if ((bad === 0) !== (BigInt.asIntN(64, exact) === exact)) t.fail(`op ${op} ${label}`)
        if (bad === 0 && views().i64[out / 8] !== exact) t.fail(`op ${op} ${label}`)
      }
      for (const op of [0, 1]) {
        const status = exprKernels().arithmeticDivide(op, x, y, 8, 0, 1, out)
        const exact = b === 0n ? 0n : op === 0 ? a / b : a % b
        const expected = b === 0n ? 1 : BigInt.asIntN(64, exact) === exact ? 0 : 2
        if (status !== expected) t.fail(`division ${op} ${label}: ${status}`)
        if (status === 0 && views().i64[out / 8] !== exact) t.fail(`division ${op} ${label}`)
      }
    }
  })
  t.pass()
})

test.serial('an invalid row neither overflows nor divides by zero', t => {
  withBlocks([16, 16, 8, 16], (x, y, validity, out) => {
    views().i64.set([2n ** 63n - 1n, 6n], x / 8)
    views().i64.set([0n, 3n], y / 8)
    views().u8[validity] = 0b10
    t.is(exprKernels().arithmeticDivide(0, x, y, 8, validity, 2, out), 0)
    t.is(views().i64[out / 8 + 1], 2n)
    views().i64.set([1n, 3n], y / 8)
    t.is(exprKernels().arithmeticChecked(0, x, y, 8, validity, 2, out), 0)
    t.is(exprKernels().arithmeticChecked(0, x, y, 8, 0, 2, out), 1)
  })
})

test.serial('dropping digits rounds half away from zero', t => {
  const rng = seededRng(SEED)
  withBlocks([8, 8], (x, out) => {
    for (let round = 0; round < 5000; round++) {
      const digits = 1 + Math.floor(rng.next() * 18)
      const divisor = 10n ** BigInt(digits)
      const value =
        rng.next() < 0.2
          ? divisor / 2n + BigInt(Math.floor(rng.next() * 3) - 1)
          : BigInt.asIntN(64, randomBits(rng, 63))
      views().i64[x / 8] = value
      exprKernels().castScaleDown(x, divisor, 1, out)
      if (views().i64[out / 8] !== divideRounded(value, divisor)) t.fail(`SEED=${SEED} ${value} / ${divisor}`)
    }
  })
  t.pass()
})

test.serial('date fields agree with the calendar over the whole range of DATE', t => {
  const rng = seededRng(SEED)
  const days = Array.from({ length: 4000 }, (_, i) =>
    i < 3 ? [-(2 ** 31), 2 ** 31 - 1, 0][i] : Math.floor((rng.next() - 0.5) * (i % 2 ? 2 ** 32 : 100_000)),
  )
  withBlocks([16_000, 16_000], (x, out) => {
    views().i32.set(days, x / 4)
    const fields = [0, 1, 2, 3].map(field => {
      exprKernels().dateField(x, days.length, field, out)
      return [...views().i32.subarray(out / 4, out / 4 + days.length)]
    })
    days.forEach((day, i) => {
      const { year, month, day: dayOfMonth } = civilFromDays(day)
      if ([year, month, dayOfMonth, Math.ceil(month / 3)].join() !== fields.map(list => list[i]).join())
        t.fail(`day ${day}`)
    })
  })
  t.pass()
})
