/** Statements that run at once and change the session or the world: DDL, DML, COPY, SET, and those that tell about them. */
import { isInDefaultSchema, TEMP_SCHEMA } from '../catalog/catalog.js'
import { fail } from '../common/errors.js'
import { invariant } from '../common/invariant.js'
import { tableReferences } from '../logical/bind/tables.js'
import type { ObjectName, StatementNode } from '../parser/ast.js'
import { absolutePath, type Registration } from './registration.js'
import { changeRows, insertRows } from './change-rows.js'
import { NO_ROWS, textRows } from './held-rows.js'
import { inlineParameters } from './expr/literal.js'
import type { Parameters } from './parameters.js'
import { given, type RunOptions } from './run-options.js'
import type { HeldRows, Session, Statement } from './session.js'
import { listingFormat } from './tables.js'

/** What runs at once. */
export type CommandNode = Exclude<StatementNode, { kind: 'query' | 'execute' }>
type CreateNode = Extract<StatementNode, { kind: 'createExternalTable' | 'createTable' | 'createView' }>
type Node<Kind extends StatementNode['kind']> = Extract<StatementNode, { kind: Kind }>

export interface StatementOptions extends RunOptions {
  /** Values of the parameters in the text. */
  readonly parameters?: Parameters
}

/** Runs the statement, whose SQL is `text`, exactly once; gives the rows of its result. */
export async function runStatement(
  session: Session,
  statement: CommandNode,
  text: string,
  options: StatementOptions,
): Promise<HeldRows> {
  switch (statement.kind) {
    case 'createExternalTable':
    case 'createTable':
    case 'createView':
      await create(session, statement, text, options)
      return NO_ROWS
    case 'createSchema':
      await session.command(text, { ...options, alone: true })
      return NO_ROWS
    case 'drop':
      await drop(session, statement, text, options)
      return NO_ROWS
    case 'set':
      session.change(statement.key, statement.value, statement.span)
      return NO_ROWS
    case 'reset':
      session.change(statement.key, undefined, statement.span)
      return NO_ROWS
    case 'show':
      if (statement.what === 'all' || statement.what === 'option')
        return (await import('./show.js')).show(session, statement)
      return textRows(
        (await import('./catalog-commands.js')).SHOWN[statement.what],
        await session.command(text, options),
      )
    case 'showCreate':
      return textRows((await import('./catalog-commands.js')).SHOWN.create, await session.command(text, options))
    case 'showFunctions':
      return (await import('./show.js')).show(session, statement)
    case 'prepare':
      session.prepared.prepare(statement)
      return NO_ROWS
    case 'deallocate':
      session.prepared.deallocate(statement.name)
      return NO_ROWS
    case 'insert':
      return insertRows(
        session,
        { table: names(statement.table), overwrite: statement.overwrite, span: statement.table[0].span },
        session.statement(text, options.parameters),
        options,
      )
    case 'delete':
    case 'update':
      return changeRows(session, statement, session.statement(text, options.parameters), options)
    case 'explain':
      return explain(session, statement, text, options)
    case 'copy':
      return session.write(session.statement(text, options.parameters), options)
    case 'analyze':
      return (await import('./analyze.js')).analyzeTable(session, statement, text, options)
    case 'describe':
    case 'showStats':
    case 'summarize':
      return session.collect(session.statement(text, options.parameters), options)
  }
}

async function explain(
  session: Session,
  node: Node<'explain'>,
  text: string,
  options: StatementOptions,
): Promise<HeldRows> {
  const { checkExplain } = await import('./explain.js')
  checkExplain(node)
  const statement = session.statement(text, options.parameters)
  if (node.analyze) return analyzeStatement(session, statement, options)
  if (!node.verify || node.statement.kind !== 'query') return session.collect(statement, options)
  const { span } = node.statement
  const alone = session.statement(text.slice(span.start, span.end), options.parameters)
  const { verifyQuery } = await import('./verify.js')
  return verifyQuery(session, node.statement, alone, options)
}

/** Runs an EXPLAIN ANALYZE to its end; the rows are what its operators counted. */
export async function analyzeStatement(session: Session, statement: Statement, options: RunOptions): Promise<HeldRows> {
  const { batches, explanation } = await session.execute(statement, options)
  for await (const _ of given(batches)) continue
  const { EXPLAIN_COLUMNS } = await import('./explain.js')
  return textRows(EXPLAIN_COLUMNS, (await explanation?.()) ?? [])
}

async function create(session: Session, statement: CreateNode, text: string, options: StatementOptions): Promise<void> {
  const path = names(statement.name)
  const { span } = statement.name[0]
  const known = session.tables.get(path)
  const isManaged = statement.kind === 'createTable' && !statement.temporary && (await session.keepsTables(options))
  if (isManaged || !isOfSession(session, statement)) {
    if (session.backend.sharesCatalog && known !== undefined) {
      const what = `${known.kind === 'view' ? 'a view' : 'a table'} '${path.join('.')}' of this session`
      throw fail('DUPLICATE_NAME', [what], { span })
    }
    if (!isManaged) return void (await session.command(text, { ...options, alone: true }))
    if (statement.ifNotExists && (await session.isShared(path, options))) return
    return void (await session.write(session.statement(text, options.parameters), options))
  }
  const { ifNotExists, orReplace, temporary } = statement
  const isShared = !temporary && (await session.isShared(path, options))
  const exists = isShared || known !== undefined
  if (exists && ifNotExists) return
  if (isShared || (exists && !orReplace)) throw fail('DUPLICATE_NAME', [`table or view '${path.join('.')}'`], { span })
  const registration = await registrationOf(session, statement, { name: path[path.length - 1], text }, options)
  session.register(path, temporary ? { ...registration, temporary } : registration, span)
}

/** Whether it stays in the session: TEMPORARY, rows in memory, and views that read either. */
function isOfSession(session: Session, statement: CreateNode): boolean {
  if (statement.temporary || statement.kind === 'createTable') return true
  if (!session.backend.sharesCatalog) return isInDefaultSchema(names(statement.name))
  if (statement.kind === 'createExternalTable') return false
  return tableReferences(statement.query).some(
    reference => reference.kind === 'table' && session.find(names(reference.name)) !== undefined,
  )
}

async function registrationOf(
  session: Session,
  statement: CreateNode,
  { name, text }: { name: string; text: string },
  options: StatementOptions,
): Promise<Exclude<Registration, { kind: 'stream' }>> {
  switch (statement.kind) {
    case 'createView': {
      const schema = await session.schemaOf(session.statement(statement.text, options.parameters), options)
      const { checkViewColumns } = await import('./catalog-commands.js')
      checkViewColumns(statement, name, schema)
      const sql = inlineParameters(statement.text, options.parameters ?? {})
      return { kind: 'view', name, sql, columns: statement.columns.map(column => column.name) }
    }
    case 'createExternalTable': {
      const path = absolutePath(statement.location, session.baseDirectory)
      const registration = { kind: 'listing', name, path, ...listingFormat(statement) } as const
      await session.open(registration, options)
      return registration
    }
    case 'createTable': {
      if (statement.stored !== undefined) {
        await session.write(session.statement(text, options.parameters), options)
        const { location, options: given, storedAs } = statement.stored
        invariant(location !== undefined, 'a table without LOCATION is one of the catalog')
        const path = absolutePath(location, session.baseDirectory)
        return { kind: 'listing', name, path, format: storedAs, options: given }
      }
      const { schema, batches } = await session.collect(session.statement(text, options.parameters), options)
      const { declaredDefaults } = await import('./column-defaults.js')
      return { kind: 'memory', name, schema, batches, ...declaredDefaults(statement.columns) }
    }
  }
}

/** What the session has under a name is dropped before what others have; with a schema, the other way round. */
async function drop(session: Session, node: Node<'drop'>, text: string, options: StatementOptions): Promise<void> {
  const { name, what, ifExists, span } = node
  const path = names(name)
  const own = what === 'schema' ? undefined : session.tables.get(path)
  const isQualified = path.length > 1 && path.at(-2) !== TEMP_SCHEMA
  const isOwn = own !== undefined && !(isQualified && (await session.isShared(path, options)))
  const isTheirs = what === 'schema' || session.backend.sharesCatalog || !isInDefaultSchema(path)
  if (!isOwn && isTheirs) return void (await session.command(text, options))
  if (ifExists && own === undefined) return
  const entry = session.tables.lookup(path, name[0].span)
  const kind = entry.kind === 'view' ? 'view' : 'table'
  if (kind !== what) {
    throw fail('INVALID_ARGUMENT', [`'${entry.name}' is a ${kind}; use DROP ${kind.toUpperCase()}`], { span })
  }
  session.tables.deregister(path)
}

const names = (name: ObjectName): string[] => name.map(ident => ident.name)
