/** The session: what the user registered and set, and the statements that change it. The entry point of the library. */
import { encodeBatch } from '../arrow/frame.js'
import type { Schema } from '../arrow/schema.js'
import { Catalog } from '../catalog/catalog.js'
import type { EncodedBatch } from '../catalog/memory-table.js'
import { systemClock } from '../common/clock.js'
import { fail, type Span } from '../common/errors.js'
import { configOf, type Settings } from '../common/option.js'
import { errorInside } from '../logical/bind/context.js'
import type { ObjectName, StatementNode } from '../parser/ast.js'
import { parseStatement } from '../parser/parse.js'
import { quoteIdent } from '../parser/quote.js'
import type { Backend } from './backend.js'
import { ClosableBackend } from './closable-backend.js'
import { DataFrame, given, type RunOptions } from './dataframe.js'
import { EXPLAIN_COLUMNS } from './explain.js'
import { LocalBackend } from './local-backend.js'
import { memoryLimit } from '../runtime/options.js'
import { checkChange, checkedSettings, checkSetting, settingRows } from './options.js'
import { parametersOf, type Parameters, type ParameterValues } from './parameters.js'
import { argumentsOf, PreparedStatements } from './prepared-statements.js'
import { absolutePath, type PlanRequest, type Registration } from './registration.js'
import { countFrame, heldFrame, textFrame } from './result-frames.js'
import { listingFormat } from './tables.js'

export interface SessionOptions {
  /** Settings by full key, e.g. `{ 'ballista.execution.batch_size': '8192' }`. */
  readonly settings?: Settings
  /** Directory from which relative paths are meant; default: the working directory. */
  readonly baseDirectory?: string
}

export interface SqlOptions extends RunOptions {
  /** Values of `$1`, `?` and `$name` in the text. */
  readonly parameters?: ParameterValues
}

/** The same with the values as SQL constants. */
interface StatementOptions extends RunOptions {
  readonly parameters?: Parameters
}

export interface StandaloneOptions extends SessionOptions {
  /** Executors to start, default 2. */
  readonly executors?: number
  /** Task slots (worker threads) of each executor; default 1. */
  readonly slots?: number
}

/** Options of a file table, by the keys of `CREATE EXTERNAL TABLE … OPTIONS (…)`, e.g. `{ has_header: false }`. */
export type FileOptions = Readonly<Record<string, string | number | boolean>> & { readonly schema?: never }

/**
 * A session. `new SessionContext()` runs queries in this process; `standalone()` starts a scheduler and executors in this
 * process; `remote(url)` uses a running cluster. Close it (`await ctx.close()` or `await using`) to release what it holds; a process
 * with an open standalone session does not end by itself. Any number of sessions and of statements may run at the same time.
 */
export class SessionContext {
  readonly #backend: Backend
  readonly #baseDirectory: string
  readonly #tables = new Catalog<Registration>()
  readonly #prepared = new PreparedStatements()
  #settings: Settings

  constructor(options: SessionOptions = {}, backend?: Backend) {
    this.#settings = checkedSettings(options.settings)
    this.#baseDirectory = absolutePath(options.baseDirectory ?? '.', process.cwd())
    this.#backend = new ClosableBackend(backend ?? new LocalBackend(configOf(this.#settings).get(memoryLimit)))
  }

  /** A scheduler and executors started in this process, reached over gRPC; `close()` stops them. */
  static async standalone(options: StandaloneOptions = {}): Promise<SessionContext> {
    const { startStandaloneBackend } = await import('./remote-backend.js')
    return new SessionContext(
      options,
      await startStandaloneBackend(options.executors ?? 2, options.slots ?? 1, checkedSettings(options.settings)),
    )
  }

  /** A running cluster: `df://host:port` of its scheduler (port 50050 if not written), dialled with the first statement. */
  static async remote(url: string, options: SessionOptions = {}): Promise<SessionContext> {
    const { connectRemoteBackend } = await import('./remote-backend.js')
    for (const key of Object.keys(checkedSettings(options.settings))) checkChange(key)
    return new SessionContext(options, connectRemoteBackend(url))
  }

  /** Registers CSV files under a name: a file, a directory (ending in `/`) or a glob. Replaces an older table. */
  async registerCsv(name: string, path: string, options: FileOptions = {}): Promise<void> {
    await this.#registerFiles(name, path, 'csv', options)
  }

  async registerParquet(name: string, path: string, options: FileOptions = {}): Promise<void> {
    await this.#registerFiles(name, path, 'parquet', options)
  }

  /** Newline-delimited JSON. */
  async registerJson(name: string, path: string, options: FileOptions = {}): Promise<void> {
    await this.#registerFiles(name, path, 'json', options)
  }

  /** Arrow IPC files or streams. */
  async registerArrow(name: string, path: string, options: FileOptions = {}): Promise<void> {
    await this.#registerFiles(name, path, 'arrow', options)
  }

  /** Registers rows that are already encoded as frames (arrow/frame.ts) of the schema. Replaces an older table. */
  registerMemory(name: string, schema: Schema, batches: readonly EncodedBatch[]): void {
    this.#tables.register([name], { kind: 'memory', name, schema, batches }, { orReplace: true })
  }

  /** Forgets a table or view; false if there was none. */
  deregister(name: string): boolean {
    return this.#tables.deregister([name])
  }

  /** Names of tables and views, in alphabetical order. */
  tableNames(): string[] {
    return this.#tables.list().map(({ name }) => name)
  }

  /**
   * One SQL statement. Queries are lazy: the frame runs them. Everything else (DDL, SET, COPY, INSERT, EXPLAIN …) runs now,
   * exactly once, and the frame holds its result.
   */
  async sql(text: string, { parameters, ...options }: SqlOptions = {}): Promise<DataFrame> {
    const bound = parameters === undefined ? {} : { parameters: parametersOf(parameters) }
    return this.#statement(text, { ...options, ...bound })
  }

  async #statement(text: string, options: StatementOptions): Promise<DataFrame> {
    const statement = parseStatement(text)
    if (statement.kind !== 'query') return this.#run(statement, text, options)
    const request = this.#request(text, options)
    if (this.#backend.checksAhead) await this.#schemaOf(request, options)
    return new DataFrame(text, signal => this.#backend.execute(request, signal ?? new AbortController().signal))
  }

  /** All rows of a table or view. */
  async table(name: string): Promise<DataFrame> {
    return this.sql(`SELECT * FROM ${quoteIdent(name)}`)
  }

  /**
   * Stops running queries (they fail with CANCELLED) and releases everything the session holds. May be called again; statements that
   * come later fail with INVALID_ARGUMENT.
   */
  async close(): Promise<void> {
    await this.#backend.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #registerFiles(name: string, path: string, format: string, options: FileOptions): Promise<void> {
    const registration: Registration = {
      kind: 'listing',
      name,
      path: absolutePath(path, this.#baseDirectory),
      format,
      options: Object.fromEntries(Object.entries(options).map(([key, value]) => [key, String(value)])),
    }
    await this.#check(registration)
    this.#tables.register([name], registration, { orReplace: true })
  }

  /** Opens the registration's files once, so that a wrong path fails here and not in the first query. */
  async #check(registration: Registration): Promise<void> {
    const name = quoteIdent(registration.name)
    const request = { ...this.#request(`SELECT * FROM ${name}`), registrations: [registration] }
    await this.#schemaOf(request, {})
  }

  #request(sql: string, { parameters }: StatementOptions = {}): PlanRequest {
    const registrations = this.#tables.list().map(({ entry }) => entry)
    const request = { sql, settings: this.#settings, registrations, baseDirectory: this.#baseDirectory }
    return parameters === undefined ? request : { ...request, parameters }
  }

  async #schemaOf(request: PlanRequest, options: RunOptions): Promise<Schema> {
    const signal = options.signal ?? new AbortController().signal
    return (await this.#backend.execute({ ...request, planOnly: true }, signal)).schema
  }

  /** Runs a statement to its end and holds its rows as frames. */
  async #collect(text: string, options: StatementOptions): Promise<{ schema: Schema; batches: EncodedBatch[] }> {
    const { schema, batches } = await this.#backend.execute(
      this.#request(text, options),
      options.signal ?? new AbortController().signal,
    )
    const encoded: EncodedBatch[] = []
    for await (const batch of given(batches)) encoded.push({ bytes: encodeBatch(batch), rowCount: batch.rowCount })
    return { schema, batches: encoded }
  }

  async #run(
    statement: Exclude<StatementNode, { kind: 'query' }>,
    text: string,
    options: StatementOptions,
  ): Promise<DataFrame> {
    switch (statement.kind) {
      case 'createExternalTable':
      case 'createTable':
      case 'createView':
        await this.#create(statement, text, options)
        return heldFrame(text, { fields: [] }, [])
      case 'drop':
        this.#drop(statement.name, statement.what, statement.ifExists, statement.span)
        return heldFrame(text, { fields: [] }, [])
      case 'set': {
        const key = checkChange(checkSetting(statement.key, statement.value, statement.span), statement.span)
        this.#settings = { ...this.#settings, [key]: statement.value }
        return heldFrame(text, { fields: [] }, [])
      }
      case 'reset': {
        const key = checkChange(checkSetting(statement.key, undefined, statement.span), statement.span)
        const { [key]: _, ...rest } = this.#settings
        this.#settings = rest
        return heldFrame(text, { fields: [] }, [])
      }
      case 'show':
        return this.#show(statement, text, options)
      case 'prepare':
        this.#prepared.prepare(statement)
        return heldFrame(text, { fields: [] }, [])
      case 'execute':
        return this.#executePrepared(statement, options)
      case 'deallocate':
        this.#prepared.deallocate(statement.name)
        return heldFrame(text, { fields: [] }, [])
      case 'insert':
        return this.#insert(statement, text, options)
      case 'copy':
      case 'describe':
      case 'explain': {
        if (statement.kind === 'explain' && statement.analyze) return this.#analyze(text, options)
        const { schema, batches } = await this.#collect(text, options)
        return heldFrame(text, schema, batches)
      }
    }
  }

  /** Runs the explained statement to its end; the frame holds what its operators counted. */
  async #analyze(text: string, options: StatementOptions): Promise<DataFrame> {
    const signal = options.signal ?? new AbortController().signal
    const { batches, explanation } = await this.#backend.execute(this.#request(text, options), signal)
    for await (const _ of given(batches)) continue
    return textFrame(text, EXPLAIN_COLUMNS, (await explanation?.()) ?? [])
  }

  /** Like the statement itself, once more with these values. Spans of its errors would be those of another text. */
  async #executePrepared(
    statement: Extract<StatementNode, { kind: 'execute' }>,
    options: RunOptions,
  ): Promise<DataFrame> {
    const prepared = this.#prepared.lookup(statement.name)
    const parameters = argumentsOf(prepared, statement, BigInt(systemClock.wallMs()) * 1_000_000n)
    try {
      return await this.#statement(prepared.text, { ...options, parameters })
    } catch (error) {
      throw errorInside(`prepared statement '${prepared.name}'`, error)
    }
  }

  async #create(
    statement: Extract<StatementNode, { kind: 'createExternalTable' | 'createTable' | 'createView' }>,
    text: string,
    options: StatementOptions,
  ): Promise<void> {
    const path = names(statement.name)
    const exists = this.#tables.get(path) !== undefined
    if (exists && 'ifNotExists' in statement && statement.ifNotExists) return
    if (exists && !statement.orReplace) {
      throw fail('DUPLICATE_NAME', [`table or view '${path.join('.')}'`], { span: statement.name[0].span })
    }
    const name = path[path.length - 1]
    const registration = await this.#registrationOf(statement, name, text, options)
    this.#tables.register(path, registration, { orReplace: true, span: statement.name[0].span })
  }

  async #registrationOf(
    statement: Extract<StatementNode, { kind: 'createExternalTable' | 'createTable' | 'createView' }>,
    name: string,
    text: string,
    options: StatementOptions,
  ): Promise<Registration> {
    switch (statement.kind) {
      case 'createView': {
        const { fields } = await this.#schemaOf(this.#request(statement.text), options)
        if (statement.columns.length > fields.length) {
          const found = `view '${name}' has ${fields.length} columns but ${statement.columns.length} names are given`
          throw fail('INVALID_ARGUMENT', [found], { span: statement.columns[0].span })
        }
        return { kind: 'view', name, sql: statement.text, columns: statement.columns.map(column => column.name) }
      }
      case 'createExternalTable': {
        const path = absolutePath(statement.location, this.#baseDirectory)
        const registration = { kind: 'listing', name, path, ...listingFormat(statement) } as const
        await this.#check(registration)
        return registration
      }
      case 'createTable': {
        const { schema, batches } = await this.#collect(text, options)
        return { kind: 'memory', name, schema, batches }
      }
    }
  }

  #drop(name: ObjectName, what: 'table' | 'view', ifExists: boolean, span: Span): void {
    const path = names(name)
    if (ifExists && this.#tables.get(path) === undefined) return
    const entry = this.#tables.lookup(path, name[0].span)
    if ((entry.kind === 'view') !== (what === 'view')) {
      throw fail(
        'INVALID_ARGUMENT',
        [
          `'${entry.name}' is a ${entry.kind === 'view' ? 'view' : 'table'}; use DROP ${entry.kind === 'view' ? 'VIEW' : 'TABLE'}`,
        ],
        { span },
      )
    }
    this.#tables.deregister(path)
  }

  async #show(
    statement: Extract<StatementNode, { kind: 'show' }>,
    text: string,
    options: RunOptions,
  ): Promise<DataFrame> {
    switch (statement.what) {
      case 'tables':
        return textFrame(
          text,
          ['table_catalog', 'table_schema', 'table_name', 'table_type'],
          this.#tables
            .list()
            .map(({ entry }) => ['datafusion', 'public', entry.name, entry.kind === 'view' ? 'VIEW' : 'BASE TABLE']),
        )
      case 'columns':
        return this.sql(`DESCRIBE ${statement.name ?? ''}`, options)
      case 'all':
      case 'option': {
        return textFrame(
          text,
          ['name', 'value'],
          settingRows(this.#settings, statement.what === 'all' ? undefined : statement.name, statement.span),
        )
      }
    }
  }

  /** Into files: the plan writes them. Into a table in memory: the rows come here and are appended, all or none. */
  async #insert(
    statement: Extract<StatementNode, { kind: 'insert' }>,
    text: string,
    options: StatementOptions,
  ): Promise<DataFrame> {
    const path = names(statement.table)
    const target = this.#tables.lookup(path, statement.table[0].span)
    const { schema, batches } = await this.#collect(text, options)
    if (target.kind !== 'memory') return heldFrame(text, schema, batches)
    // While the rows were made, other statements may have added theirs, or replaced the table.
    const current = this.#tables.lookup(path, statement.table[0].span)
    if (current.kind !== 'memory' || current.schema !== target.schema) {
      throw fail('INVALID_ARGUMENT', [`table '${path.join('.')}' was replaced while rows were inserted; try again`])
    }
    const kept = statement.overwrite ? [] : current.batches
    this.#tables.register(path, { ...current, batches: [...kept, ...batches] }, { orReplace: true })
    return countFrame(
      text,
      batches.reduce((sum, batch) => sum + batch.rowCount, 0),
    )
  }
}

const names = (name: ObjectName): string[] => name.map(ident => ident.name)
