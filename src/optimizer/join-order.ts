/** Orders of inner joins: the cheapest of all connected ones by dynamic programming, or a greedy one of many relations. */
import { conjunction } from '../expr/build.js'
import { filterAll, makeJoin, splitJoinCondition } from '../logical/build.js'
import { schemaOf } from '../logical/schema-of.js'
import type { LogicalPlan } from '../logical/plan.js'
import { estimateRows } from './cardinality.js'
import { connectedPairs } from './enumerate-joins.js'
import { between, JoinEstimates, relationSet, type RelationSet } from './join-estimates.js'
import type { JoinGraph, JoinShape } from './join-graph.js'

/** Some joined relations. */
export interface JoinPart {
  readonly set: RelationSet
  readonly rows: number
  /** Of all its joins; scans cost the same in every order. */
  readonly cost: number
  readonly shape: JoinShape
}

/** Linking a build row costs about as much as probing with two rows, and more where the table leaves the caches. */
const BUILD_COST = 2
const CACHED_ROWS = 250_000
const UNCACHED_BUILD_COST = 3
/** A pair of a nested loop, against a probed row. */
const PAIR_COST = 1
/** Pairs that are looked at before the search is given up (about 50 ms): a star of 12 relations has 11 264, a clique of 9 9 330. */
const MAX_PAIRS = 12_000

export class JoinOrder {
  readonly #graph: JoinGraph
  readonly #estimates: JoinEstimates

  constructor(graph: JoinGraph) {
    this.#graph = graph
    this.#estimates = new JoinEstimates(graph)
  }

  /** The order that is estimated to be cheapest; parts that no condition connects are joined last. */
  best(): JoinPart {
    const parts: JoinPart[] = []
    for (let rest = relationSet(this.#graph.relations.keys()); rest !== 0n;) {
      const component = this.#estimates.component(rest)
      parts.push(this.#cheapest(component) ?? this.#greedily(this.#members(component)))
      rest &= ~component
    }
    return this.#greedily(parts)
  }

  /** An order that is already there. */
  partOf(shape: JoinShape): JoinPart {
    if (typeof shape === 'number') return this.#relation(shape)
    return this.#join(this.partOf(shape.left), this.partOf(shape.right))
  }

  #relation(relation: number): JoinPart {
    return { set: relationSet([relation]), rows: this.#graph.rows[relation], cost: 0, shape: relation }
  }

  #members(set: RelationSet): JoinPart[] {
    const relations = [...this.#graph.relations.keys()].filter(relation => (set & relationSet([relation])) !== 0n)
    return relations.map(relation => this.#relation(relation))
  }

  /** The part with fewer rows is left: the build side. */
  #join(one: JoinPart, other: JoinPart): JoinPart {
    const [left, right] = one.rows <= other.rows ? [one, other] : [other, one]
    const set = left.set | right.set
    const rows = this.#estimates.rows(set)
    const build = left.rows * (left.rows > CACHED_ROWS ? UNCACHED_BUILD_COST : BUILD_COST)
    const own = this.#estimates.haveKeys(left.set, right.set) ? build + right.rows : left.rows * right.rows * PAIR_COST
    return { set, rows, cost: left.cost + right.cost + own + rows, shape: { left: left.shape, right: right.shape } }
  }

  /** Of connected relations, without cross products, bushy orders too; undefined if there are too many pairs. */
  #cheapest(component: RelationSet): JoinPart | undefined {
    const best = new Map<RelationSet, JoinPart>()
    for (const part of this.#members(component)) best.set(part.set, part)
    let pairs = 0
    for (const [left, right] of connectedPairs(this.#estimates, component)) {
      if (++pairs > MAX_PAIRS) return undefined
      const [one, other] = [best.get(left), best.get(right)]
      if (one === undefined || other === undefined) throw new RangeError('a set is met before its parts')
      const known = best.get(left | right)
      const joined = this.#join(one, other)
      if (known === undefined || joined.cost < known.cost) best.set(joined.set, joined)
    }
    return best.get(component)
  }

  /** Always joins the two parts next that give the fewest rows: those without a condition last. */
  #greedily(initial: readonly JoinPart[]): JoinPart {
    let parts = initial
    while (parts.length > 1) {
      const { one, other } = this.#bestPair(parts)
      parts = [...parts.filter(part => part !== one && part !== other), this.#join(one, other)]
    }
    return parts[0]
  }

  #bestPair(parts: readonly JoinPart[]): Pair {
    let best: Pair | undefined
    parts.forEach((one, i) => {
      const neighbours = this.#estimates.neighboursOf(one.set)
      for (const other of parts.slice(i + 1)) {
        const isConnected = (neighbours & other.set) !== 0n
        if (best !== undefined && best.isConnected && !isConnected) continue
        const rows = this.#estimates.rows(one.set | other.set)
        if (best === undefined || isConnected !== best.isConnected || rows < best.rows)
          best = { one, other, rows, isConnected }
      }
    })
    if (best === undefined) throw new RangeError('a pair needs two parts')
    return best
  }
}

interface Pair {
  readonly one: JoinPart
  readonly other: JoinPart
  readonly rows: number
  readonly isConnected: boolean
}

/** The plan of a shape: every condition in the lowest join that has all its relations. */
export function planOfShape(graph: JoinGraph, shape: JoinShape): LogicalPlan {
  return filterAll(shapePlan(graph, shape).plan, graph.constants)
}

function shapePlan(graph: JoinGraph, shape: JoinShape): { plan: LogicalPlan; set: RelationSet } {
  if (typeof shape === 'number') return { plan: graph.relations[shape], set: relationSet([shape]) }
  const sides = [shapePlan(graph, shape.left), shapePlan(graph, shape.right)]
  // The estimates of whole plans decide, as they do about all other joins.
  const [left, right] = estimateRows(sides[0].plan) <= estimateRows(sides[1].plan) ? sides : [sides[1], sides[0]]
  const { keys, conditions } = between(graph, left.set, right.set)
  const condition = conjunction(conditions.map(({ expr }) => expr))
  const { on, rest } = splitJoinCondition(condition, schemaOf(left.plan), schemaOf(right.plan))
  const pairs = keys.map(key => ({ left: key.left.expr, right: key.right.expr }))
  return {
    plan: makeJoin(left.plan, right.plan, 'inner', [...pairs, ...on], rest),
    set: left.set | right.set,
  }
}
