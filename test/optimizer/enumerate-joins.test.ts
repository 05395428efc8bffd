/** The pairs that join ordering looks at: as many as the paper counts, and none before its parts. */
import test from 'ava'
import { connectedPairs } from '../../src/optimizer/enumerate-joins.js'

type Edge = readonly [number, number]

function pairsOf(count: number, edges: readonly Edge[]): (readonly [bigint, bigint])[] {
  const neighboursOf = (set: bigint): bigint => {
    let all = 0n
    for (const [a, b] of edges) {
      if ((set >> BigInt(a)) & 1n) all |= 1n << BigInt(b)
      if ((set >> BigInt(b)) & 1n) all |= 1n << BigInt(a)
    }
    return all & ~set
  }
  return [...connectedPairs({ neighboursOf }, (1n << BigInt(count)) - 1n)]
}

const range = (count: number): number[] => [...Array(count).keys()]

const GRAPHS: readonly (readonly [name: string, edges: (n: number) => Edge[], pairs: (n: number) => number])[] = [
  ['chain', n => range(n - 1).map(i => [i, i + 1]), n => (n ** 3 - n) / 6],
  ['cycle', n => range(n).map(i => [i, (i + 1) % n]), n => (n ** 3 - 2 * n ** 2 + n) / 2],
  ['star', n => range(n - 1).map(i => [0, i + 1]), n => (n - 1) * 2 ** (n - 2)],
  ['clique', n => range(n).flatMap(i => range(i).map((j): Edge => [j, i])), n => (3 ** n - 2 ** (n + 1) + 1) / 2],
]

for (const [name, edges, pairs] of GRAPHS) {
  test(`a ${name} has its number of pairs, each once, parts before wholes`, t => {
    for (const n of [3, 4, 5, 6, 7, 8]) {
      const found = pairsOf(n, edges(n))
      t.is(found.length, pairs(n), `${n} relations`)
      t.is(
        new Set(found.map(([left, right]) => (left < right ? `${left} ${right}` : `${right} ${left}`))).size,
        found.length,
      )
      const made = new Set(range(n).map(bit => 1n << BigInt(bit)))
      for (const [left, right] of found) {
        t.is(left & right, 0n)
        t.true(made.has(left) && made.has(right))
        made.add(left | right)
      }
    }
  })
}
