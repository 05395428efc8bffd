/** The names that a session knows, for completion. */
import { functionNames } from '../../expr/functions/index.js'
import type { SessionContext } from '../../session/context.js'
import type { Names } from './complete.js'

/** The Tab key waits no longer: a scheduler may be slow or gone. */
const MAX_WAIT_MS = 1_000

export interface SessionNames extends Names {
  /** A statement may have changed tables. */
  forget(): void
}

/** Columns are asked for once, until `forget`. */
export function sessionNames(ctx: SessionContext): SessionNames {
  const columns = new Map<string, Promise<readonly string[]>>()
  const ask = async (table: string): Promise<readonly string[]> => {
    try {
      const signal = AbortSignal.timeout(MAX_WAIT_MS)
      const frame = await ctx.sql(`SELECT * FROM ${table} LIMIT 0`, { signal })
      return frame.schema().fields.map(({ name }) => name)
    } catch {
      return []
    }
  }
  return {
    tables: () => ctx.tableNames(),
    columns(table) {
      const known = columns.get(table) ?? ask(table)
      columns.set(table, known)
      return known
    },
    functions: () => [...functionNames(), ...ctx.userFunctions().map(({ name }) => name)],
    forget: () => columns.clear(),
  }
}
