/** Which kinds of statements a call may run: for SQL that comes from elsewhere. */
import { fail } from '../common/errors.js'
import type { StatementNode } from '../parser/ast.js'

export interface AllowedStatements {
  /** CREATE, DROP, ANALYZE; default true. */
  readonly allowDdl?: boolean
  /** INSERT, COPY; default true. */
  readonly allowDml?: boolean
  /** SET, RESET, PREPARE, DEALLOCATE; default true. */
  readonly allowStatements?: boolean
}

/** INVALID_ARGUMENT, with its place, for a statement that is not allowed. What EXPLAIN explains counts as if it ran. */
export function checkAllowed(statement: StatementNode, allowed: AllowedStatements): void {
  const option = optionOf(statement)
  if (option !== undefined && allowed[option] === false)
    throw fail('INVALID_ARGUMENT', [`this call does not run ${SAID[option]}`], { span: statement.span })
  if (statement.kind === 'explain') checkAllowed(statement.statement, allowed)
}

const SAID = {
  allowDdl: 'statements that create or drop tables and views',
  allowDml: 'statements that write rows',
  allowStatements: 'statements that change the session',
} as const satisfies Record<keyof AllowedStatements, string>

function optionOf({ kind }: StatementNode): keyof AllowedStatements | undefined {
  switch (kind) {
    case 'createExternalTable':
    case 'createTable':
    case 'createView':
    case 'createSchema':
    case 'drop':
    case 'analyze':
      return 'allowDdl'
    case 'insert':
    case 'delete':
    case 'update':
    case 'copy':
      return 'allowDml'
    case 'set':
    case 'reset':
    case 'prepare':
    case 'deallocate':
      return 'allowStatements'
    // EXECUTE is what it executes.
    case 'execute':
    case 'query':
    case 'explain':
    case 'show':
    case 'showCreate':
    case 'showStats':
    case 'showFunctions':
    case 'describe':
    case 'summarize':
      return undefined
  }
}
