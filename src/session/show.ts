/** SHOW of settings and functions. */
import { AGGREGATES } from '../expr/functions/aggregate/index.js'
import { SCALARS } from '../expr/functions/index.js'
import { likeMatcher } from '../expr/like-pattern.js'
import type { StatementNode } from '../parser/ast.js'
import { textRows } from './held-rows.js'
import { settingRows } from './options.js'
import type { HeldRows, Session } from './session.js'
import { TABLE_FUNCTION_NAMES } from './table-functions.js'
import type { FunctionEntry } from './user-functions.js'

type Node<Kind extends StatementNode['kind']> = Extract<StatementNode, { kind: Kind }>

/** SHOW of what needs no catalog. */
export function show({ functions, settings }: Session, statement: Node<'show' | 'showFunctions'>): HeldRows {
  if (statement.kind === 'showFunctions')
    return textRows(
      ['function_name', 'function_type', 'description'],
      functionRows(functions.entries(), statement.like ?? '%'),
    )
  const key = statement.what === 'option' ? statement.name : undefined
  return textRows(['name', 'value'], settingRows(settings, key, statement.span))
}

/** Functions under each of their names, in alphabetical order. */
function functionRows(own: readonly FunctionEntry[], pattern: string): readonly (readonly string[])[] {
  const matches = likeMatcher(pattern, undefined, true)
  const rows = [
    ...SCALARS.flatMap(({ name, aliases, description }) =>
      [name, ...(aliases ?? [])].map(called => [called, 'scalar', description]),
    ),
    ...AGGREGATES.flatMap(({ name, aliases, description }) =>
      [name, ...(aliases ?? [])].map(called => [called, 'aggregate', description]),
    ),
    ...own.map(({ description, kind, name }) => [name, kind, description]),
    ...TABLE_FUNCTION_NAMES.map(name => [name, 'table', 'Rows of a file, or of a series.']),
  ]
  return rows.filter(([name]) => matches(name)).sort(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0))
}
