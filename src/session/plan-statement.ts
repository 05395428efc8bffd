/** From the text of one statement to the stages that run it: the path through parser, binder, optimizer and planner. */
import type { Schema } from '../arrow/schema.js'
import { typeName } from '../arrow/types.js'
import { INFORMATION_SCHEMA, isView } from '../catalog/catalog.js'
import { minPartitionBytes } from '../runtime/options.js'
import { SharedCatalog } from '../catalog/shared-catalog.js'
import type { TableProvider } from '../catalog/table-provider.js'
import type { WriteIntent } from '../catalog/table-write.js'
import { fail, toBallistaError } from '../common/errors.js'
import { invariant } from '../common/invariant.js'
import { configOf } from '../common/option.js'
import { fragment } from '../exchange/fragment.js'
import { materialize } from '../exchange/options.js'
import { materializeEdges, TASKS_PER_SLOT } from '../exchange/regions.js'
import { BUILT_IN, type Registry } from '../exchange/registry.js'
import { withFunctions } from '../exchange/stage-functions.js'
import type { StagePlan, TaskReport } from '../exchange/stage.js'
import type { UserFunction } from '../expr/functions/user-function.js'
import { checkAllowed, declare } from '../expr/functions/brought.js'
import { MemoryStore } from '../kv/memory-store.js'
import { bindQuery } from '../logical/bind/query.js'
import { resolveTables, type ConstantContext, type TableResolver } from '../logical/bind/tables.js'
import type { LogicalPlan } from '../logical/plan.js'
import { schemaOf, toArrowSchema } from '../logical/schema-of.js'
import { optimize, type RuleEvent } from '../optimizer/optimizer.js'
import { LOGICAL_RULES } from '../optimizer/rules/index.js'
import type { ObjectName, QueryNode, StatementNode } from '../parser/ast.js'
import { parseQuery, parseStatement } from '../parser/parse.js'
import { quoteIdent } from '../parser/quote.js'
import type { PhysicalPlan } from '../physical/plan.js'
import { planQuery } from '../physical/plan-query.js'
import type { ExplainRow, ExplainStatement, PlanHistory } from './explain.js'
import { MAX_PARTITIONS, targetPartitions } from './options.js'
import { absolutePath, type PlanRequest, type StoredObject } from './registration.js'
import type { PlanCache } from './plan-cache.js'
import type { PlanEnvironment } from './plan-environment.js'
import { RequestNames, type SessionCatalog } from './request-names.js'
import type { ChangeNode } from './plan-changes.js'
import { castTo, textValues } from './table-rows.js'
import { tableResolver } from './tables.js'
import type { WriteRequest } from './write-target.js'
import { functionNamesOf } from './user-functions.js'

/** What a scheduler runs: plain data. */
export interface PlannedStatement {
  readonly schema: Schema
  /** Producers before consumers; empty when only the schema was asked for. */
  readonly stages: readonly StagePlan[]
  /** After the stages have run: the rows that stand for their result (EXPLAIN ANALYZE, SHOW TABLES). */
  readonly explain?: (reports: readonly TaskReport[]) => readonly (readonly string[])[]
  /** The parts that its tasks report are to be committed. */
  readonly write?: WriteIntent
  /** After that: makes the table known. */
  readonly onWritten?: () => Promise<void>
  /** How it was planned; absent when only the schema was asked for. */
  readonly history?: PlanHistory
}

/** Those of the client, and those of extensions here. */
const functionsOf = ({ functions = [] }: PlanRequest, { registry = BUILT_IN }: PlanEnvironment): UserFunction[] => [
  ...registry.functions,
  ...functions,
]

/** Plans a query, EXPLAIN, DESCRIBE, COPY, INSERT or CREATE TABLE AS; throws the coded error of the step that failed. */
export async function planStatement(request: PlanRequest, environment: PlanEnvironment): Promise<PlannedStatement> {
  try {
    // Enough to plan with. Who runs them brings their code.
    const declared = functionsOf(request, environment).map(declare)
    try {
      return await planChecked(request, environment)
    } finally {
      declared.forEach(letGo => letGo())
    }
  } catch (error) {
    throw toBallistaError(error)
  }
}

async function planChecked(request: PlanRequest, environment: PlanEnvironment): Promise<PlannedStatement> {
  const statement = parseStatement(request.sql)
  environment.trace?.statement?.(statement)
  const planner = new StatementPlanner(request, environment)
  if (request.command === true) return planner.command(statement)
  if (statement.kind === 'explain' && statement.analyze) return planner.analyze(statement)
  if (statement.kind === 'query' && environment.plans !== undefined) return planner.query(statement, environment.plans)
  const logical = await planner.bind(statement)
  environment.trace?.logical?.(logical)
  const schema = arrowSchema(logical)
  if (request.planOnly === true) return { schema, stages: [] }
  const history = await planner.plan(logical)
  const stages = planner.stages(history.physical)
  environment.trace?.stages?.(stages)
  return { schema, stages, history, ...planner.written() }
}

const arrowSchema = (plan: LogicalPlan): Schema => toArrowSchema(schemaOf(plan))

type CreateTableNode = Extract<StatementNode, { kind: 'createTable' }>

class StatementPlanner {
  readonly #request: PlanRequest
  readonly #environment: PlanEnvironment
  readonly #resolver: TableResolver
  readonly #registry: Registry
  readonly #functions: readonly UserFunction[]
  #write: Pick<PlannedStatement, 'write' | 'onWritten'> = {}
  readonly #catalog: SessionCatalog
  readonly #names: RequestNames
  readonly #context: ConstantContext
  #isOfItsTime = false

  constructor(request: PlanRequest, environment: PlanEnvironment) {
    this.#request = request
    this.#environment = environment
    this.#registry = environment.registry ?? BUILT_IN
    this.#functions = functionsOf(request, environment)
    this.#catalog = environment.catalog ?? new SharedCatalog(new MemoryStore())
    this.#names = new RequestNames(request.registrations, this.#catalog)
    this.#resolver = tableResolver(request, this.#names, environment.openTables, this.#registry)
    this.#context = {
      parameters: new Map(Object.entries(request.parameters ?? {})),
      now: environment.now,
      onNow: () => (this.#isOfItsTime = true),
      functions: functionNamesOf(this.#functions),
    }
  }

  /** Does the statement; its rows are the explanation of a plan that runs nothing. */
  async command(statement: StatementNode): Promise<PlannedStatement> {
    const { runCommand } = await import('./catalog-commands.js')
    const rows = await runCommand(statement, {
      request: this.#request,
      catalog: this.#catalog,
      names: this.#names,
      warehouse: this.#environment.warehouse,
      open: table => this.#openTable(table),
      columns: async view => arrowSchema(await this.#query(view.query)),
    })
    return { schema: { fields: [] }, stages: [], explain: () => rows }
  }

  /** The write that was bound. */
  written(): Pick<PlannedStatement, 'write' | 'onWritten'> {
    return this.#write
  }

  async bind(statement: StatementNode): Promise<LogicalPlan> {
    switch (statement.kind) {
      case 'query':
        return this.#query(statement)
      case 'explain':
        return this.#explain(statement)
      case 'describe':
        return this.#describe(statement.target)
      case 'copy':
        return this.#copy(statement)
      case 'insert':
        return this.#insert(statement)
      case 'delete':
      case 'update':
        return this.#changed(statement)
      case 'summarize':
        return this.#summarize(statement)
      case 'showStats':
        return this.#showStats(statement.table)
      case 'createTable':
        return this.#createTable(statement)
      case 'createExternalTable':
      case 'createView':
      case 'createSchema':
      case 'drop':
      case 'analyze':
      case 'set':
      case 'reset':
      case 'show':
      case 'showCreate':
      case 'showFunctions':
      case 'prepare':
      case 'execute':
      case 'deallocate':
        throw fail('NOT_SUPPORTED', ['a statement that changes the session, sent to a scheduler'], {
          span: statement.span,
        })
    }
  }

  /** What is known of the same query over the same files is taken as it is. */
  async query(query: QueryNode, plans: PlanCache): Promise<PlannedStatement> {
    const tables = await resolveTables(query, this.#resolver, this.#context)
    const { areAsOpened, planKey } = await import('./plan-cache.js')
    const key = await planKey(this.#request, { slots: this.#environment.slots, registry: this.#registry }, tables)
    return plans.planned(key, this.#request.planOnly === true, {
      bind: () => {
        const bound = bindQuery(query, { ...this.#context, tables })
        return { bound, schema: arrowSchema(bound), isOfItsTime: this.#isOfItsTime }
      },
      plan: async bound => {
        const history = await this.plan(bound)
        // The rules are for EXPLAIN, and hold every plan on the way.
        return { stages: this.stages(history.physical), history: { ...history, rules: [] } }
      },
      isCurrent: () => areAsOpened(tables),
    })
  }

  /** The explained statement as it runs; its own rows are thrown away. */
  async analyze(statement: ExplainStatement): Promise<PlannedStatement> {
    const { analyzedRows, checkExplain } = await import('./explain.js')
    checkExplain(statement)
    const logical = await this.bind(statement.statement)
    const history = await this.plan(logical)
    const stages = this.stages(history.physical)
    const startMs = performance.now()
    const explain = (reports: readonly TaskReport[]): readonly ExplainRow[] =>
      analyzedRows(statement, history, { stages, reports, elapsedMs: performance.now() - startMs })
    return { schema: arrowSchema(logical), stages, explain, history, ...this.written() }
  }

  /** Optimizes and lowers. */
  async plan(bound: LogicalPlan): Promise<PlanHistory> {
    const { trace } = this.#environment
    const rules: RuleEvent[] = []
    const { logicalRules, operators, physicalRules: extraRules } = this.#registry
    const optimized = optimize(bound, {
      rules: [...LOGICAL_RULES, ...logicalRules],
      observer(event) {
        rules.push(event)
        trace?.rule?.(event)
      },
    })
    trace?.optimized?.(optimized)
    const config = configOf(this.#request.settings)
    const wanted = config.get(targetPartitions)
    const physicalRules = new Map<string, { count: number; elapsedMs: number }>()
    let lowered: PhysicalPlan | undefined
    const physical = await planQuery(optimized, {
      targetPartitions: wanted === 0 ? Math.min(this.#environment.slots, MAX_PARTITIONS) : wanted,
      minPartitionBytes: config.get(minPartitionBytes),
      operators,
      physicalRules: extraRules,
      observer: {
        lowered: plan => (lowered = plan),
        fired(rule, elapsedMs) {
          const { count, elapsedMs: before } = physicalRules.get(rule) ?? { count: 0, elapsedMs: 0 }
          physicalRules.set(rule, { count: count + 1, elapsedMs: before + elapsedMs })
        },
      },
    })
    trace?.physical?.(physical)
    return { bound, rules, optimized, lowered: lowered ?? physical, physicalRules, physical, operators }
  }

  /** What runs of a plan. */
  stages(physical: PhysicalPlan): readonly StagePlan[] {
    const stages = materializeEdges(fragment(physical, this.#registry.operators), {
      mode: configOf(this.#request.settings).get(materialize),
      capacity: this.#environment.slots * TASKS_PER_SLOT,
    })
    const all = withFunctions(stages, this.#functions)
    for (const declared of all.flatMap(({ plan }) => plan.functions ?? []))
      checkAllowed(declared, this.#environment.allowsUserCode)
    return all
  }

  /** As a query over it would. */
  async #openTable(table: StoredObject & { kind: 'listing' }): Promise<TableProvider> {
    const names = new RequestNames([table], this.#catalog)
    const span = { start: 0, end: 0 }
    const entry = await tableResolver(this.#request, names, undefined, this.#registry).table([table.name], span)
    invariant(!isView(entry), 'a listing is a table')
    return entry
  }

  async #query(query: QueryNode): Promise<LogicalPlan> {
    return bindQuery(query, {
      ...this.#context,
      tables: await resolveTables(query, this.#resolver, this.#context),
    })
  }

  async #explain(statement: ExplainStatement): Promise<LogicalPlan> {
    const { checkExplain, EXPLAIN_COLUMNS, explainRows } = await import('./explain.js')
    checkExplain(statement)
    const history = await this.plan(await this.bind(statement.statement))
    this.#write = {}
    return textValues(EXPLAIN_COLUMNS, explainRows(statement, history, this.stages(history.physical)))
  }

  async #describe(target: ObjectName | QueryNode): Promise<LogicalPlan> {
    const { defaultOf } = await import('./column-defaults.js')
    const described = await this.#source(target)
    const isTable = !('kind' in target) && target.at(-2)?.name !== INFORMATION_SCHEMA
    const table = isTable ? this.#names.find(target.map(ident => ident.name)).entry : undefined
    const rows = schemaOf(described).map(({ name, type, nullable }) => {
      const written = table === undefined ? undefined : defaultOf(table, name)
      return [name, typeName(type), nullable ? 'YES' : 'NO', written ?? null]
    })
    return textValues(['column_name', 'data_type', 'is_nullable', 'column_default'], rows)
  }

  /** A table by name, or a query. */
  #source(source: ObjectName | QueryNode): Promise<LogicalPlan> {
    return this.#query(
      'kind' in source ? source : parseQuery(`SELECT * FROM ${source.map(ident => quoteIdent(ident.name)).join('.')}`),
    )
  }

  async #copy(statement: Extract<StatementNode, { kind: 'copy' }>): Promise<LogicalPlan> {
    const path = absolutePath(statement.path, this.#request.baseDirectory)
    const rows = await this.#source(statement.source)
    const { copyTarget } = await import('./write-target.js')
    return this.#written(rows, copyTarget(statement, path, rows))
  }

  async #written(rows: LogicalPlan, request: WriteRequest): Promise<LogicalPlan> {
    const { plannedWrite } = await import('./write-target.js')
    const { settings, submission } = this.#request
    // Files beside the target remember only keys that a user has given.
    const key = this.#environment.warehouse === undefined ? { settings } : { settings, submission }
    const { plan, intent } = plannedWrite(rows, request, key, this.#registry.tableFormats)
    this.#write = { write: intent }
    return plan
  }

  /** Written by the plan unless the table lives in the session's memory. */
  async #insert(statement: Extract<StatementNode, { kind: 'insert' }>): Promise<LogicalPlan> {
    const { planInsert } = await import('./plan-insert.js')
    const { rows, target } = await planInsert(statement, {
      names: this.#names,
      resolver: this.#resolver,
      constants: { now: this.#environment.now, functions: functionNamesOf(this.#functions) },
      defaults: this.#defaultsContext(),
      bind: query => this.#query(query),
    })
    const mode = statement.overwrite ? 'overwrite' : 'append'
    return target.kind === 'memory' ? rows : this.#written(rows, { target, mode })
  }

  /** What defaults may call is there for all who insert: no functions of a session. */
  #defaultsContext(): ConstantContext {
    return { now: this.#environment.now, functions: functionNamesOf(this.#registry.functions) }
  }

  /** The rows that a table in memory has after a DELETE or UPDATE. */
  async #changed(statement: ChangeNode): Promise<LogicalPlan> {
    const [{ span }] = statement.table
    const name = statement.table.map(ident => ident.name)
    const entry = await this.#resolver.table(name, span)
    if (isView(entry) || entry.insertTarget?.kind !== 'memory') {
      const what = statement.kind === 'delete' ? 'delete from' : 'update'
      const text = `cannot ${what} '${name.join('.')}': only the rows of tables in memory can change`
      throw fail('INVALID_ARGUMENT', [text], { span })
    }
    const { remainingRows, rowsToUpdate, updatedRows } = await import('./plan-changes.js')
    if (statement.kind === 'delete') return castTo(await this.#query(remainingRows(statement)), entry.schema)
    return updatedRows(await this.#query(rowsToUpdate(statement)), entry.schema, statement)
  }

  async #summarize(statement: Extract<StatementNode, { kind: 'summarize' }>): Promise<LogicalPlan> {
    const columns = schemaOf(await this.#source(statement.target))
    const { summaryQuery } = await import('./summarize.js')
    return this.#query(parseQuery(summaryQuery(columns, statement)))
  }

  /** Of the table as it is now: a session may have opened it before. */
  async #showStats(name: ObjectName): Promise<LogicalPlan> {
    const { span } = name[0]
    const resolver = tableResolver(this.#request, this.#names, undefined, this.#registry)
    const table = await resolver.table(
      name.map(ident => ident.name),
      span,
    )
    const { statisticsRows } = await import('./show-stats.js')
    return statisticsRows(table, span)
  }

  async #createTable(statement: CreateTableNode): Promise<LogicalPlan> {
    const { planCreateTable } = await import('./plan-create-table.js')
    const { rows, request, onWritten } = await planCreateTable(statement, {
      catalog: this.#catalog,
      registry: this.#registry,
      warehouse: this.#environment.warehouse,
      baseDirectory: this.#request.baseDirectory,
      defaults: this.#defaultsContext(),
      bind: query => this.#query(query),
    })
    if (request === undefined) return rows
    const plan = await this.#written(rows, request)
    if (onWritten !== undefined) this.#write = { ...this.#write, onWritten }
    return plan
  }
}
