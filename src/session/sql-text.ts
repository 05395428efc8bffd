/** SQL text made of parts: what builders write, with the queries it is made over still to be named. */
import type { Schema } from '../arrow/schema.js'
import { replaceParameters, type Parameters } from './parameters.js'
import type { Registration } from './registration.js'

/** A query that others read: it becomes one WITH entry, however often it is used. */
export interface Step {
  readonly body: SqlText
  readonly schema: Schema
  /** The tables and views that it reads, by name. */
  readonly uses: TableUses
  /** Values of the parameters in its own text. */
  readonly parameters?: Parameters
}

/** Registered tables and views by name. */
export type TableUses = ReadonlyMap<string, Registration>

/** Text in which a step stands for its name. */
export type SqlText = readonly (string | Step)[]

type TextPart = string | number | Step | SqlText

/** Template tag: SQL text of literal parts, names, steps and other texts. Values are taken as SQL: quote them before. */
export function text(parts: TemplateStringsArray, ...values: readonly TextPart[]): SqlText {
  return concat(parts.flatMap((part, i): TextPart[] => (i < values.length ? [part, values[i]] : [part])))
}

/** The texts one after the other, `separator` between them. */
export function joinText(texts: readonly TextPart[], separator: string): SqlText {
  return concat(texts.flatMap((part, i) => (i === 0 ? [part] : [separator, part])))
}

/** The text less its last `count` characters, which belong to no step. */
export function withoutEnd(body: SqlText, count: number): SqlText {
  const last = body.at(-1)
  return typeof last === 'string' ? [...body.slice(0, -1), last.slice(0, last.length - count)] : body
}

function concat(parts: readonly TextPart[]): SqlText {
  const all: (string | Step)[] = []
  const add = (part: string | Step): void => {
    const last = all.at(-1)
    if (typeof part === 'string' && typeof last === 'string') all[all.length - 1] = last + part
    else if (part !== '') all.push(part)
  }
  for (const part of parts) {
    if (typeof part === 'number') add(String(part))
    else if (isText(part)) part.forEach(add)
    else add(part)
  }
  return all
}

const isText = (part: TextPart): part is SqlText => Array.isArray(part)

/** A text in one piece, and what its names of steps mean. */
export interface NamedText {
  readonly sql: string
  /** Only the steps that the text itself names. */
  readonly steps: ReadonlyMap<string, Step>
}

/** The text with names for its steps, without their definitions. */
export function namedText(body: SqlText): NamedText {
  const names = stepNames(body)
  const steps = new Map(directSteps(body).map(step => [names.get(step) ?? '', step]))
  return { sql: written(body, names), steps }
}

/** A text that can run, with the values of its parameters. */
export interface CompleteSql {
  readonly sql: string
  readonly parameters: Parameters
}

/**
 * A complete query: the text after a WITH clause that defines every step it is made over, each once. Parameters of different steps
 * get names of their own.
 */
export function completeSql(body: SqlText): CompleteSql {
  const names = stepNames(body)
  const parameters: Record<string, Parameters[string]> = {}
  if (names.size === 0) return { sql: written(body, names), parameters }
  const definitions = [...names].map(([step, name]) => {
    const definition = written(step.body, names)
    const values = step.parameters
    if (values === undefined) return `${name} AS (\n${definition}\n)`
    const renamed = replaceParameters(definition, parameter => {
      // With its number: another `?` may be gone.
      if (!Object.hasOwn(values, parameter)) return `$${parameter}`
      parameters[`${name}_${parameter}`] = values[parameter]
      return `$${name}_${parameter}`
    })
    return `${name} AS (\n${renamed}\n)`
  })
  return { sql: `WITH ${definitions.join(', ')}\n${written(body, names)}`, parameters }
}

/** All tables that the text's steps read. */
export const stepUses = (body: SqlText): readonly TableUses[] => directSteps(body).map(step => step.uses)

const directSteps = (body: SqlText): readonly Step[] => body.filter(part => typeof part !== 'string')

const written = (body: SqlText, names: ReadonlyMap<Step, string>): string =>
  body.map(part => (typeof part === 'string' ? part : (names.get(part) ?? ''))).join('')

/** Every step below `body`, what it reads before itself, with names that occur nowhere in the text. */
function stepNames(body: SqlText): ReadonlyMap<Step, string> {
  const steps = stepsBelow(body)
  let prefix = 'step'
  const texts = [body, ...steps.map(step => step.body)].flat().filter(part => typeof part === 'string')
  while (texts.some(part => part.toLowerCase().includes(`${prefix}_`))) prefix += '_'
  return new Map(steps.map((step, i) => [step, `${prefix}_${i + 1}`]))
}

/** In an order in which each may be defined. Not recursive: frames are chained as long as programs like. */
function stepsBelow(body: SqlText): readonly Step[] {
  const found = new Set<Step>()
  const stack: { step: Step; entered: boolean }[] = directSteps(body)
    .toReversed()
    .map(step => ({ step, entered: false }))
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    if (found.has(top.step)) continue
    if (top.entered) {
      found.add(top.step)
      continue
    }
    stack.push({ step: top.step, entered: true })
    for (const step of directSteps(top.step.body).toReversed()) stack.push({ step, entered: false })
  }
  return [...found]
}
