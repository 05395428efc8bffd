/** An extension with a table function: `SELECT * FROM primes(100)`, searched by four tasks. */
import type { Extension } from '../../src/index.js'

const PARTITIONS = 4

interface Range {
  readonly from: number
  readonly to: number
}

const isPrime = (n: number): boolean => {
  for (let divisor = 2; divisor * divisor <= n; divisor++) if (n % divisor === 0) return false
  return n > 1
}

const extension: Extension = {
  name: 'primes',
  tables: [
    {
      name: 'primes',
      open([limit]) {
        if (typeof limit !== 'bigint' || limit < 0n) throw new Error('primes() takes a limit, such as primes(100)')
        const width = Math.ceil((Number(limit) + 1) / PARTITIONS)
        const ranges = Array.from({ length: PARTITIONS }, (_, i): Range => ({
          from: i * width,
          to: Math.min((i + 1) * width, Number(limit) + 1),
        }))
        return { schema: { prime: 'BIGINT' }, partitions: ranges }
      },
      *rows(partition) {
        const { from, to } = partition as Range
        for (let n = from; n < to; n++) if (isPrime(n)) yield { prime: BigInt(n) }
      },
    },
  ],
}

export default extension
