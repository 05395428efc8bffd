/** Rows of every set of joined relations, the same whatever order they are joined in and written in. */
import { distinctKeys, type KeyValues } from './cardinality.js'
import { schemaOf } from '../logical/schema-of.js'
import type { ClassMember, Condition, JoinGraph } from './join-graph.js'

/** A set of relations: bit r is relation r. */
export type RelationSet = bigint

export const relationSet = (relations: Iterable<number>): RelationSet => {
  let set = 0n
  for (const relation of relations) set |= 1n << BigInt(relation)
  return set
}

const has = (set: RelationSet, relation: number): boolean => ((set >> BigInt(relation)) & 1n) === 1n

export interface JoinKey {
  readonly left: ClassMember
  readonly right: ClassMember
}

/** What connects two sets of relations: one key a class that has members in both, and the conditions that need both. */
export function between(
  graph: JoinGraph,
  left: RelationSet,
  right: RelationSet,
): { keys: readonly JoinKey[]; conditions: readonly Condition[] } {
  const candidates: { left: readonly ClassMember[]; right: readonly ClassMember[] }[] = []
  for (const members of graph.classes) {
    const ofLeft = members.filter(({ relation }) => has(left, relation))
    if (ofLeft.length === 0) continue
    const ofRight = members.filter(({ relation }) => has(right, relation))
    if (ofRight.length > 0) candidates.push({ left: ofLeft, right: ofRight })
  }
  const lefts = candidates.map(candidate => candidate.left)
  const rights = candidates.map(candidate => candidate.right)
  return {
    keys: candidates.map(candidate => ({
      left: preferred(candidate.left, lefts),
      right: preferred(candidate.right, rights),
    })),
    conditions: graph.conditions.filter(
      ({ relations }) =>
        (relations & left) !== 0n && (relations & right) !== 0n && (relations & ~(left | right)) === 0n,
    ),
  }
}

/** The member whose relation has the most keys of this join: the keys of one table together are estimated better. */
function preferred(members: readonly ClassMember[], all: readonly (readonly ClassMember[])[]): ClassMember {
  if (members.length === 1 || all.length === 1) return members[0]
  const uses = ({ relation }: ClassMember): number =>
    all.filter(list => list.some(member => member.relation === relation)).length
  return members.reduce((best, member) => (uses(member) > uses(best) ? member : best))
}

/** Estimates of one graph, each made once. */
export class JoinEstimates {
  /** By relation: those with which a class, or a condition over just the two, connects it. */
  readonly neighbours: readonly RelationSet[]
  readonly #graph: JoinGraph
  /** By class: the relations of its members. */
  readonly #classSets: readonly RelationSet[]
  readonly #rows = new Map<RelationSet, number>()
  /** Largest first; ties by name, not by place. */
  readonly #inOrder: readonly number[]

  constructor(graph: JoinGraph) {
    this.#graph = graph
    this.#classSets = graph.classes.map(members => relationSet(members.map(({ relation }) => relation)))
    this.neighbours = adjacency(graph)
    const names = graph.relations.map(plan =>
      schemaOf(plan)
        .map(({ relation, name }) => `${relation}.${name}`)
        .join(),
    )
    this.#inOrder = [...graph.relations.keys()].sort(
      (a, b) => graph.rows[b] - graph.rows[a] || (names[a] < names[b] ? -1 : 1),
    )
  }

  /** Whether a hash join can join the two sets. */
  haveKeys(left: RelationSet, right: RelationSet): boolean {
    const isBetween = (set: RelationSet): boolean => (set & left) !== 0n && (set & right) !== 0n
    return (
      this.#classSets.some(isBetween) ||
      this.#graph.conditions.some(
        ({ isKey, relations }) => isKey && isBetween(relations) && (relations & ~(left | right)) === 0n,
      )
    )
  }

  /** Rows of the join of all relations of the set, at least 1 of several. */
  rows(set: RelationSet): number {
    let rows = this.#rows.get(set)
    if (rows === undefined) this.#rows.set(set, (rows = this.#estimate(set)))
    return rows
  }

  neighboursOf(set: RelationSet): RelationSet {
    let all = 0n
    this.neighbours.forEach((own, relation) => {
      if (has(set, relation)) all |= own
    })
    return all & ~set
  }

  /** All relations of the set that are connected with its first one inside it. */
  component(set: RelationSet): RelationSet {
    let reached = set & -set
    for (let more = reached; more !== 0n; reached |= more) more = this.neighboursOf(reached) & set
    return reached
  }

  /** The largest relation without which the set stays connected comes last; what is not connected is multiplied. */
  #estimate(set: RelationSet): number {
    const members = this.#inOrder.filter(relation => has(set, relation))
    if (members.length === 1) return this.#graph.rows[members[0]]
    const component = this.component(set)
    if (component !== set) return this.#joined(component, set & ~component)
    const last = members.find(relation => {
      const rest = set & ~relationSet([relation])
      return this.component(rest) === rest
    })
    const one = relationSet([last ?? members[0]])
    return this.#joined(set & ~one, one)
  }

  #joined(left: RelationSet, right: RelationSet): number {
    const { keys, conditions } = between(this.#graph, left, right)
    const [leftRows, rightRows] = [this.rows(left), this.rows(right)]
    const values = keys.map((key): KeyValues => ({ left: key.left.distinct, right: key.right.distinct }))
    const residual = conditions.reduce((part, condition) => part * condition.selectivity, 1)
    const distinct = keys.length === 0 ? 1 : distinctKeys(values, Math.min(leftRows, rightRows))
    return Math.max(1, (leftRows * rightRows * residual) / distinct)
  }
}

function adjacency(graph: JoinGraph): RelationSet[] {
  const sets = graph.relations.map(() => 0n)
  const connect = (relations: RelationSet): void => {
    sets.forEach((_, relation) => {
      if (has(relations, relation)) sets[relation] |= relations & ~relationSet([relation])
    })
  }
  for (const members of graph.classes) connect(relationSet(members.map(({ relation }) => relation)))
  for (const { relations } of graph.conditions) if (isPair(relations)) connect(relations)
  return sets
}

/** Just two bits. */
const isPair = (set: RelationSet): boolean => {
  const rest = set & (set - 1n)
  return rest !== 0n && (rest & (rest - 1n)) === 0n
}
