/** What one session holds: its tables, settings and backend. Contexts and frames work through it. */
import { encodeBatch } from '../arrow/frame.js'
import type { Schema } from '../arrow/schema.js'
import { Catalog, isInDefaultSchema, TEMP_SCHEMA } from '../catalog/catalog.js'
import type { EncodedBatch } from '../catalog/memory-table.js'
import { BallistaError, fail, type Span } from '../common/errors.js'
import type { Settings } from '../common/option.js'
import { quoteIdent } from '../parser/quote.js'
import type { Backend, InputStreams, QueryResult } from './backend.js'
import { ProgramStream, type StreamInput } from './input-stream.js'
import { countRow } from './held-rows.js'
import { checkChange, checkSetting } from './options.js'
import type { Parameters } from './parameters.js'
import { PreparedStatements } from './prepared-statements.js'
import type { PlanRequest, Registration } from './registration.js'
import { openRun, given, type RunOptions } from './run-options.js'
import type { TableUses } from './sql-text.js'
import { UserFunctions } from './user-functions.js'

/** Rows outside the arena. */
export interface HeldRows {
  readonly schema: Schema
  readonly batches: readonly EncodedBatch[]
}

/** A statement with all that its meaning depends on. */
export interface Statement {
  readonly sql: string
  readonly uses: TableUses
  readonly settings: Settings
  readonly parameters?: Parameters
}

export interface CommandOptions extends RunOptions, Pick<PlanRequest, 'analyzed' | 'parameters'> {
  /** For who knows nothing of this session. */
  readonly alone?: boolean
}

const HELD_BATCH_ROWS = 8192
type TextRows = readonly (readonly string[])[]

/** Its columns without its rows. */
export const withoutRows = (table: Registration): Registration =>
  table.kind === 'memory' ? { ...table, batches: [] } : table

export class Session {
  readonly backend: Backend
  readonly baseDirectory: string
  readonly tables = new Catalog<Registration>()
  readonly prepared = new PreparedStatements()
  readonly functions = new UserFunctions()
  settings: Settings
  readonly #columns = new WeakMap<Registration, Schema>()
  /** Tables without a name of their own that views read. */
  readonly #hidden = new Map<string, Registration>()
  readonly #streams = new WeakMap<Registration, ProgramStream>()
  readonly #unread = new Set<ProgramStream>()
  #anonymous = 0
  #keepsTables: Promise<boolean> | undefined

  constructor(backend: Backend, baseDirectory: string, settings: Settings) {
    this.backend = backend
    this.baseDirectory = baseDirectory
    this.settings = settings
  }

  /** Names a table for SQL, in place of an older one. */
  register(name: readonly string[], table: Registration, span?: Span): void {
    this.tables.register(name, table, { orReplace: true, span })
  }

  /** Sets or, without a value, resets a setting for statements that come; INVALID_OPTION for what cannot be set. */
  change(key: string, value: string | undefined, span?: Span): void {
    const name = checkChange(checkSetting(key, value, span), span)
    const { [name]: _, ...rest } = this.settings
    this.settings = value === undefined ? rest : { ...rest, [name]: value }
  }

  /** Keeps a table that only frames and views know. */
  hide(table: Registration): void {
    this.#hidden.set(table.name, table)
  }

  /**
   * What the session has under a name; undefined where only the catalog can tell. Throws TABLE_NOT_FOUND with the nearest name where
   * it cannot.
   */
  find(name: readonly string[], span?: Span): Registration | undefined {
    const hidden = name.length === 1 ? this.#hidden.get(name[0]) : undefined
    const own = hidden ?? this.tables.get(name)
    if (this.backend.sharesCatalog) return name.length === 1 || name.at(-2) === TEMP_SCHEMA ? own : undefined
    return own ?? (isInDefaultSchema(name) ? this.tables.lookup(name, span) : undefined)
  }

  /** Whether CREATE TABLE makes tables of the catalog; else their rows are the session's. */
  keepsTables(options: RunOptions): Promise<boolean> {
    if (!this.backend.sharesCatalog) return Promise.resolve(false)
    this.#keepsTables ??= this.command('SHOW CATALOGS', { ...options, alone: true }).then(([row]) => row[1] === 'YES')
    // The next statement asks again.
    this.#keepsTables.catch(() => (this.#keepsTables = undefined))
    return this.#keepsTables
  }

  /** Whether other sessions have something under a name too. */
  async isShared(path: readonly string[], options: RunOptions): Promise<boolean> {
    if (!this.backend.sharesCatalog) return false
    try {
      await this.command(`SHOW CREATE TABLE ${path.map(quoteIdent).join('.')}`, { ...options, alone: true })
      return true
    } catch (error) {
      if (error instanceof BallistaError && error.code === 'TABLE_NOT_FOUND') return false
      throw error
    }
  }

  /** Has a statement about the catalog done where that is; gives its rows. */
  async command(sql: string, options: CommandOptions): Promise<TextRows> {
    const { analyzed, parameters } = options
    const request = { ...this.#request(this.statement(sql, parameters)), planOnly: true, command: true, analyzed }
    const run = openRun(options)
    try {
      const names = request.registrations.map(withoutRows)
      const sent = options.alone === true ? { registrations: [], functions: [] } : { registrations: names }
      const { explanation } = await this.backend.execute({ ...request, ...sent }, { signal: run.signal })
      return (await explanation?.()) ?? []
    } finally {
      run.end()
    }
  }

  /** The columns of a table that was opened when it was registered, or lives in memory. */
  columns(table: Registration): Schema | undefined {
    return table.kind === 'memory' || table.kind === 'stream' ? table.schema : this.#columns.get(table)
  }

  /** A stream as a table; NOT_SUPPORTED where its rows could not be read. */
  addStream(name: string, schema: Schema, source: StreamInput): void {
    this.register([name], this.#openStream(name, schema, source))
  }

  /** A stream as a table without a name; where tasks cannot read it, its rows, held. */
  async streamTable(schema: Schema, source: StreamInput): Promise<Registration> {
    const name = this.anonymousName('stream')
    if (this.backend.readsStreams) return this.#openStream(name, schema, source)
    const stream = new ProgramStream({ name, schema, source, onTaken: () => undefined })
    const batches: EncodedBatch[] = []
    const rows = { [Symbol.asyncIterator]: () => stream.open(HELD_BATCH_ROWS) }
    for await (const batch of given(rows)) batches.push({ bytes: encodeBatch(batch), rowCount: batch.rowCount })
    return { kind: 'memory', name, schema, batches }
  }

  #openStream(name: string, schema: Schema, source: StreamInput): Registration {
    if (!this.backend.readsStreams) {
      const text = 'a stream of this process as a table of a cluster (make the session with new SessionContext())'
      throw fail('NOT_SUPPORTED', [text])
    }
    const table = { kind: 'stream', name, stream: this.anonymousName('stream'), schema } as const
    const stream = new ProgramStream({ name, schema, source, onTaken: () => this.#unread.delete(stream) })
    this.#streams.set(table, stream)
    this.#unread.add(stream)
    return table
  }

  /** Ends what runs, then the streams that were not read. */
  async close(): Promise<void> {
    await this.backend.close()
    this.functions.clear()
    await Promise.allSettled([...this.#unread].map(stream => stream.close()))
  }

  /** A table name that no program has given. */
  anonymousName(what: string): string {
    return `${what}:${++this.#anonymous}`
  }

  /** Opens a table's files once, so that a wrong path fails here and not in the first query. */
  async open(table: Registration, options: RunOptions = {}): Promise<void> {
    const statement = {
      ...this.statement(`SELECT * FROM ${quoteIdent(table.name)}`),
      uses: new Map([[table.name, table]]),
    }
    this.#columns.set(table, await this.schemaOf(statement, options))
  }

  /** A statement over all tables there are now, with the settings of now. */
  statement(sql: string, parameters?: Parameters): Statement {
    const uses = new Map(this.tables.list().map(({ name, entry }) => [name, entry]))
    for (const [name, table] of this.#hidden) uses.set(name, table)
    const statement = { sql, uses, settings: this.settings }
    return parameters === undefined ? statement : { ...statement, parameters }
  }

  async schemaOf(statement: Statement, options: RunOptions): Promise<Schema> {
    // The rows of tables in memory need not travel for their columns.
    const uses = [...statement.uses.values()].map(withoutRows)
    const run = openRun(options)
    try {
      const request = { ...this.#request(statement), registrations: uses, planOnly: true }
      return (await this.backend.execute(request, { signal: run.signal })).schema
    } finally {
      run.end()
    }
  }

  /** Starts a statement; its batches are given away. `onRestart` as in ExecuteOptions. */
  async execute(statement: Statement, options: RunOptions, onRestart?: () => void): Promise<QueryResult> {
    const run = openRun(options)
    const streams = this.#streamsOf(statement)
    try {
      const result = await this.backend.execute(this.#request(statement), {
        signal: run.signal,
        streams,
        onRestart,
        onProgress: options.onProgress,
      })
      return { ...result, batches: run.until(result.batches) }
    } catch (error) {
      run.end()
      throw error
    }
  }

  /** Runs a statement to its end and holds its rows. */
  async collect(statement: Statement, options: RunOptions): Promise<HeldRows> {
    const encoded: EncodedBatch[] = []
    const { schema, batches } = await this.execute(statement, options, () => (encoded.length = 0))
    for await (const batch of given(batches)) encoded.push({ bytes: encodeBatch(batch), rowCount: batch.rowCount })
    return { schema, batches: encoded }
  }

  /** Runs a statement that writes into files; gives one row `count`. */
  async write(statement: Statement, options: RunOptions): Promise<HeldRows> {
    const { batches, explanation } = await this.execute(statement, options, () => undefined)
    for await (const _ of given(batches)) continue
    const [[count] = ['0']] = (await explanation?.()) ?? []
    return countRow(Number(count))
  }

  #streamsOf({ uses }: Statement): InputStreams {
    const streams = [...uses.values()].flatMap(table => {
      const stream = this.#streams.get(table)
      return table.kind === 'stream' && stream !== undefined ? [[table.stream, stream] as const] : []
    })
    return new Map(streams)
  }

  #request({ sql, uses, settings, parameters }: Statement): PlanRequest {
    const functions = this.functions.list()
    const request = { sql, settings, registrations: [...uses.values()], functions, baseDirectory: this.baseDirectory }
    return parameters === undefined ? request : { ...request, parameters }
  }
}
