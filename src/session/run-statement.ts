/** Statements that run at once and change the session or the world: DDL, DML, COPY, SET, and those that tell about them. */
import type { Schema } from '../arrow/schema.js'
import { fail } from '../common/errors.js'
import type { ObjectName, StatementNode } from '../parser/ast.js'
import { absolutePath, type Registration } from './registration.js'
import { changeRows, insertRows } from './change-rows.js'
import { NO_ROWS, textRows } from './held-rows.js'
import { show } from './show.js'
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
    case 'drop':
      drop(session, statement)
      return NO_ROWS
    case 'set':
      session.change(statement.key, statement.value, statement.span)
      return NO_ROWS
    case 'reset':
      session.change(statement.key, undefined, statement.span)
      return NO_ROWS
    case 'show':
    case 'showCreate':
    case 'showFunctions':
      return show(session, statement)
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
    case 'describe':
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
  const exists = session.tables.get(path) !== undefined
  if (exists && 'ifNotExists' in statement && statement.ifNotExists) return
  if (exists && !statement.orReplace) {
    throw fail('DUPLICATE_NAME', [`table or view '${path.join('.')}'`], { span: statement.name[0].span })
  }
  const name = path[path.length - 1]
  const registration = await registrationOf(session, statement, { name, text }, options)
  session.register(path, registration, statement.name[0].span)
}

async function registrationOf(
  session: Session,
  statement: CreateNode,
  { name, text }: { name: string; text: string },
  options: StatementOptions,
): Promise<Registration> {
  switch (statement.kind) {
    case 'createView': {
      const schema = await session.schemaOf(session.statement(statement.text, options.parameters), options)
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
      const { schema, batches } = await session.collect(session.statement(text, options.parameters), options)
      return { kind: 'memory', name, schema, batches }
    }
  }
}

function checkViewColumns({ columns }: Node<'createView'>, name: string, { fields }: Schema): void {
  if (columns.length <= fields.length) return
  const found = `view '${name}' has ${fields.length} columns but ${columns.length} names are given`
  throw fail('INVALID_ARGUMENT', [found], { span: columns[0].span })
}

function drop({ tables }: Session, { name, what, ifExists, span }: Node<'drop'>): void {
  const path = names(name)
  if (ifExists && tables.get(path) === undefined) return
  const entry = tables.lookup(path, name[0].span)
  const kind = entry.kind === 'view' ? 'view' : 'table'
  if (kind !== what) {
    throw fail('INVALID_ARGUMENT', [`'${entry.name}' is a ${kind}; use DROP ${kind.toUpperCase()}`], { span })
  }
  tables.deregister(path)
}

const names = (name: ObjectName): string[] => name.map(ident => ident.name)
