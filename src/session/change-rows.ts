/** INSERT, DELETE and UPDATE: what they do to the tables of the session. */
import { encodeBatch } from '../arrow/frame.js'
import type { EncodedBatch } from '../catalog/memory-table.js'
import { fail, type Span } from '../common/errors.js'
import { countRow } from './held-rows.js'
import type { ChangeNode } from './plan-changes.js'
import { given, type RunOptions } from './run-options.js'
import type { HeldRows, Session, Statement } from './session.js'

/** Where an INSERT writes. */
export interface InsertTarget {
  readonly table: readonly string[]
  readonly overwrite: boolean
  readonly span?: Span
}

/** Into files: its tasks write them, and a coordinator commits. Into a table in memory: the rows come here and are appended, all or none. */
export async function insertRows(
  session: Session,
  { table: path, overwrite, span }: InsertTarget,
  statement: Statement,
  options: RunOptions,
): Promise<HeldRows> {
  const own = session.tables.get(path)
  const isHidden = own === undefined || (path.length > 1 && (await session.isShared(path, options)))
  const target = session.find(path, span) ?? (isHidden ? undefined : own)
  if (target?.kind !== 'memory') return session.write(statement, options)
  const rows = await session.collect(statement, options)
  // While the rows were made, other statements may have added theirs, or replaced the table.
  const current = session.tables.lookup(path, span)
  if (current.kind !== 'memory' || current.schema !== target.schema) {
    throw fail('INVALID_ARGUMENT', [`table '${path.join('.')}' was replaced while rows were inserted; try again`])
  }
  const kept = overwrite ? [] : current.batches
  session.register(path, { ...current, batches: [...kept, ...rows.batches] })
  return countRow(rowCount(rows.batches))
}

/** DELETE and UPDATE: the table gets all its rows anew, unless it has changed meanwhile; gives how many were changed. */
export async function changeRows(
  session: Session,
  { kind, table }: ChangeNode,
  statement: Statement,
  options: RunOptions,
): Promise<HeldRows> {
  const path = table.map(ident => ident.name)
  const { batches, changed }: NewRows =
    kind === 'update' ? await updateRows(session, statement, options) : await session.collect(statement, options)
  const target = statement.uses.get(path[path.length - 1])
  if (target?.kind !== 'memory') throw fail('TABLE_NOT_FOUND', [path.join('.'), ''], { span: table[0].span })
  if (session.tables.get(path) !== target) {
    throw fail('INVALID_ARGUMENT', [`table '${path.join('.')}' changed while its rows were changed; try again`])
  }
  session.register(path, { ...target, batches })
  return countRow(changed ?? rowCount(target.batches) - rowCount(batches))
}

interface NewRows {
  readonly batches: readonly EncodedBatch[]
  /** How many were changed; absent: those that are no longer there. */
  readonly changed?: number
}

/** All rows after an UPDATE, without their last column, in which those that changed are marked. */
async function updateRows(session: Session, statement: Statement, options: RunOptions): Promise<NewRows> {
  const batches: EncodedBatch[] = []
  let changed = 0
  for await (const { schema, columns, rowCount } of given((await session.execute(statement, options)).batches)) {
    const own = { schema: { fields: schema.fields.slice(0, -1) }, columns: columns.slice(0, -1), rowCount }
    batches.push({ bytes: encodeBatch(own), rowCount })
    changed += rowCount - columns[columns.length - 1].nullCount
  }
  return { batches, changed }
}

const rowCount = (batches: readonly EncodedBatch[]): number => batches.reduce((sum, batch) => sum + batch.rowCount, 0)
