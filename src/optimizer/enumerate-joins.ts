/**
 * Every pair of connected sets of relations with an edge between them, once (DPccp of Moerkotte and Neumann, "Analysis of Two
 * Existing and One New Dynamic Programming Algorithm for the Generation of Optimal Bushy Join Trees without Cross Products", 2006).
 */
import type { RelationSet } from './join-estimates.js'

export interface Connections {
  /** Relations that an edge connects with some of the set, without those in it. */
  neighboursOf(set: RelationSet): RelationSet
}

/** Disjoint pairs inside `all`, which is connected; all pairs of the parts of a set come before it is a part itself. */
export function* connectedPairs(graph: Connections, all: RelationSet): Generator<readonly [RelationSet, RelationSet]> {
  for (const start of singles(all)) {
    for (const set of connectedSets(graph, start, upTo(start) & all)) {
      for (const complement of complements(graph, set)) yield [set, complement]
    }
  }
}

function* connectedSets(graph: Connections, start: RelationSet, excluded: RelationSet): Generator<RelationSet> {
  yield start
  yield* grown(graph, start, excluded)
}

/** Connected sets that contain `set` and more, but nothing of `excluded`. */
function* grown(graph: Connections, set: RelationSet, excluded: RelationSet): Generator<RelationSet> {
  const reachable = graph.neighboursOf(set) & ~excluded
  for (const more of subsets(reachable)) yield set | more
  for (const more of subsets(reachable)) yield* grown(graph, set | more, excluded | reachable)
}

/** Connected sets that an edge connects with `set`, and whose lowest relation comes after that of `set`. */
function* complements(graph: Connections, set: RelationSet): Generator<RelationSet> {
  const excluded = upTo(set & -set) | set
  const reachable = graph.neighboursOf(set) & ~excluded
  for (const start of singles(reachable)) {
    yield* connectedSets(graph, start, excluded | (upTo(start) & reachable))
  }
}

/** The relations up to and with that of `bit`. */
const upTo = (bit: RelationSet): RelationSet => (bit << 1n) - 1n

/** Each relation of the set alone, the last one first. */
function singles(set: RelationSet): RelationSet[] {
  const list: RelationSet[] = []
  for (let rest = set; rest !== 0n; rest &= rest - 1n) list.push(rest & -rest)
  return list.reverse()
}

/** Non-empty subsets; each comes after its own subsets. */
function* subsets(set: RelationSet): Generator<RelationSet> {
  for (let subset = set & -set; subset !== 0n; subset = (subset - set) & set) yield subset
}
