/** Plans of queries that a scheduler has planned, for the same query again: over the same versions of the same files (docs/adr/0039). */
import { createHash } from 'node:crypto'
import type { Schema } from '../arrow/schema.js'
import { encodeWireText } from '../common/wire.js'
import type { Registry } from '../exchange/registry.js'
import type { ResolvedTable, ResolvedTables } from '../logical/bind/tables.js'
import type { LogicalPlan } from '../logical/plan.js'
import type { PlannedStatement } from './plan-statement.js'
import type { PlanRequest } from './registration.js'

const MAX_PLANS = 64
/** Of all that the plans depend on: a plan is some ten times as large. */
const MAX_CHARACTERS = 1_000_000

interface BoundQuery {
  readonly bound: LogicalPlan
  readonly schema: Schema
  /** The time of the statement is part of it: it will be another one. */
  readonly isOfItsTime: boolean
}

interface KnownPlan extends BoundQuery {
  /** Absent when only the schema was asked for. */
  readonly planned?: PlannedStatement
}

/** How a query is planned that is not known. */
export interface PlanSteps {
  bind(): BoundQuery
  plan(bound: LogicalPlan): Promise<Omit<PlannedStatement, 'schema'>>
  /** Whether the key is still that of the query. */
  isCurrent(): Promise<boolean>
}

export interface PlanKey {
  readonly digest: string
  readonly characters: number
}

/** Keys that are remembered, to know those that come again. */
const MAX_SEEN = 1_000

/** The plans that were used last, of queries that have come twice: most of those that come once never do again. */
export class PlanCache {
  readonly #plans = new Map<string, { readonly plan: KnownPlan; readonly characters: number }>()
  readonly #seen = new Set<string>()
  #characters = 0

  /** `planOnly`: no stages. Without a key nothing is kept. */
  async planned(key: PlanKey | undefined, planOnly: boolean, steps: PlanSteps): Promise<PlannedStatement> {
    const known = key && this.#get(key)
    const query = known ?? steps.bind()
    const { schema } = query
    if (known?.planned !== undefined && !planOnly) return known.planned
    const planned = planOnly ? undefined : { schema, ...(await steps.plan(query.bound)) }
    // After its schema, a query is expected.
    const isWanted = known === undefined ? planOnly || (key !== undefined && this.#comesAgain(key)) : !planOnly
    if (key !== undefined && isWanted && !query.isOfItsTime && (await steps.isCurrent()))
      this.#add(key, planned === undefined ? query : { ...query, planned })
    return planned ?? { schema, stages: [] }
  }

  #comesAgain({ digest }: PlanKey): boolean {
    if (this.#seen.has(digest)) return true
    this.#seen.add(digest)
    for (const oldest of this.#seen) {
      if (this.#seen.size <= MAX_SEEN) break
      this.#seen.delete(oldest)
    }
    return false
  }

  #get({ digest }: PlanKey): KnownPlan | undefined {
    const found = this.#plans.get(digest)
    if (found === undefined) return undefined
    this.#plans.delete(digest)
    this.#plans.set(digest, found)
    return found.plan
  }

  #add({ characters, digest }: PlanKey, plan: KnownPlan): void {
    this.#forget(digest)
    this.#plans.set(digest, { plan, characters })
    this.#characters += characters
    for (const oldest of this.#plans.keys()) {
      if (this.#plans.size <= MAX_PLANS && this.#characters <= MAX_CHARACTERS) break
      this.#forget(oldest)
    }
  }

  #forget(digest: string): void {
    this.#characters -= this.#plans.get(digest)?.characters ?? 0
    this.#plans.delete(digest)
  }
}

/**
 * All that the plan of a query depends on but its time. What its names mean is in `tables`, so that neither registrations nor the catalog
 * are. Undefined where something may change unseen: tables other than files, and code of users and extensions.
 */
export async function planKey(
  { baseDirectory, functions = [], parameters = {}, settings, sql }: PlanRequest,
  { registry, slots }: { readonly registry: Registry; readonly slots: number },
  tables: ResolvedTables,
): Promise<PlanKey | undefined> {
  if (functions.length > 0 || registry.functions.length > 0 || registry.extensions.length > 0) return undefined
  const sources: unknown[] = []
  for (const [reference, table] of tables) {
    const key = table.kind === 'view' ? encodeWireText(table) : await table.provider.planKey?.()
    if (key === undefined) return undefined
    sources.push([reference, key])
  }
  const text = encodeWireText({ baseDirectory, parameters, settings, slots, sources, sql })
  return { digest: createHash('sha256').update(text).digest('hex'), characters: text.length }
}

/** Whether what was read of the tables is of the versions that the key names: their files may have changed meanwhile, and change back. */
export async function areAsOpened(tables: ResolvedTables): Promise<boolean> {
  const isAsOpened = async (table: ResolvedTable): Promise<boolean> =>
    table.kind === 'view' || (await table.provider.isAsOpened?.()) === true
  return (await Promise.all(Array.from(tables.values(), isAsOpened))).every(Boolean)
}
