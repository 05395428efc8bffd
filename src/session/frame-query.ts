/** The query of a frame as a value: its text under construction and what is known of it. */
import type { Schema } from '../arrow/schema.js'
import { BallistaError, fail } from '../common/errors.js'
import type { Settings } from '../common/option.js'
import { parseQuery } from '../parser/parse.js'
import { checkQuery, nullParameters } from './check.js'
import { inlineParameters } from './expr/literal.js'
import { parametersOf, type Parameters, type ParameterValues } from './parameters.js'
import { parameterNames } from './prepared-statements.js'
import type { Registration } from './registration.js'
import { onlyStep, queryText, selectFrom, stepOf, type QueryText } from './select-text.js'
import type { Session, Statement } from './session.js'
import {
  completeSql,
  namedText,
  type CompleteSql,
  stepUses,
  type SqlText,
  type Step,
  type TableUses,
} from './sql-text.js'
import { functionNamesOf } from './user-functions.js'

export interface FrameQuery {
  readonly session: Session
  /** Those of the session when the first of its queries was written. */
  readonly settings: Settings
  readonly query: QueryText
  readonly schema: Schema
  /** The tables it reads, as they were when it was written. */
  readonly uses: TableUses
}

/**
 * The frame's query with more written to it. Names and types are checked now; the errors have no place, as the text is not the
 * program's. `others`: further frames that the query is made over. `check`: a shorter query with the same columns and the same new
 * part, if there is one.
 */
export function derived(
  frame: FrameQuery,
  query: QueryText,
  { others = [], check = query }: { others?: readonly FrameQuery[]; check?: QueryText } = {},
): FrameQuery {
  const { session, settings } = frame
  if (others.some(other => other.session !== session))
    throw fail('INVALID_ARGUMENT', ['the frames belong to different sessions; read the data in one of them'])
  const known = [frame, ...others].map(({ uses }) => uses)
  const checked = checkedText(session, queryText(check), known)
  return { session, settings, query, schema: checked.schema, uses: unitedUses([...known, checked.uses]) }
}

function checkedText(
  session: Session,
  body: SqlText,
  known: readonly TableUses[],
  parameters?: Parameters,
): { schema: Schema; uses: TableUses } {
  const { sql, steps } = namedText(body)
  const table = (path: readonly string[]): Registration | undefined => {
    const name = path.at(-1) ?? ''
    return known.find(uses => uses.has(name))?.get(name) ?? session.find(path)
  }
  try {
    const query = parseQuery(sql)
    const values = parameters && { ...nullParameters(query), ...parameters }
    const checked = checkQuery(
      query,
      {
        step: name => steps.get(name)?.schema,
        table,
        all: () => session.statement('').uses,
        columns: entry => session.columns(entry),
        functions: functionNamesOf(session.functions.list()),
      },
      values,
    )
    if (checked.schema === undefined)
      throw fail('NOT_SUPPORTED', ['a file within an expression; register it, or read it as a frame of its own'])
    return { schema: checked.schema, uses: unitedUses([...stepUses(body), checked.uses]) }
  } catch (error) {
    throw error instanceof BallistaError ? withoutPlace(error) : error
  }
}

function withoutPlace(error: BallistaError): BallistaError {
  const { code, message, context } = error
  return new BallistaError({ code, message, context }, { cause: error.cause })
}

/** INVALID_ARGUMENT when a name means different tables: one was replaced between the frames. */
export function unitedUses(all: readonly TableUses[]): TableUses {
  const united = new Map<string, NonNullable<ReturnType<TableUses['get']>>>()
  for (const [name, table] of all.flatMap(uses => [...uses])) {
    if ((united.get(name) ?? table) !== table) {
      const text = `table '${name}' was changed between the frames that are combined here; make them anew`
      throw fail('INVALID_ARGUMENT', [text])
    }
    united.set(name, table)
  }
  return united
}

/** The query with values for its parameters; what is written to it afterwards reads it as a whole. */
export function parameterized(frame: FrameQuery, values: ParameterValues): FrameQuery {
  const { session, settings, uses } = frame
  const { sql, parameters: before } = frameSql(frame)
  const parameters = { ...before, ...parametersOf(values) }
  const query = parseQuery(sql)
  const names = parameterNames(query)
  const unused = Object.keys(parameters).find(name => !names.has(name))
  if (unused !== undefined)
    throw fail('INVALID_ARGUMENT', [`there is a value for $${unused}, but the query has no such parameter`])
  const { schema } = checkedText(session, [sql], [uses], parameters)
  return { session, settings, query: selectFrom([{ body: [sql], schema, uses, parameters }]), schema, uses }
}

const steps = new WeakMap<FrameQuery, Step>()

/** The query as what other queries read: the same step each time, so that it is defined once. */
export function frameStep(frame: FrameQuery): Step {
  const known = steps.get(frame)
  if (known !== undefined) return known
  const step = stepOf(frame.query, frame.schema, frame.uses)
  steps.set(frame, step)
  return step
}

/** The query as a text that can run: that of `ctx.sql` as it was written, if nothing was added to it. */
export function frameSql({ query }: FrameQuery): CompleteSql {
  const step = onlyStep(query)
  if (step === undefined) return completeSql(queryText(query))
  const { sql, parameters } = completeSql(step.body)
  return { sql, parameters: { ...parameters, ...step.parameters } }
}

/** The same with values in the place of parameters. */
export function inlineSql(frame: FrameQuery): string {
  const { sql, parameters } = frameSql(frame)
  return inlineParameters(sql, parameters)
}

export function frameStatement(frame: FrameQuery): Statement {
  const { sql, parameters } = frameSql(frame)
  return { sql, parameters, uses: frame.uses, settings: frame.settings }
}
