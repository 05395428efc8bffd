/** The manual of the functions, made from their declarations. */
import { AGGREGATES } from './aggregate/index.js'
import { SCALAR_FAMILIES } from './index.js'
import type { AggregateFunction, FunctionExample, ScalarFunction } from './function.js'

/** docs/generated/functions.md: every function with its aliases, what it does and its examples. */
export function functionManual(): string {
  const chapters = SCALAR_FAMILIES.map(({ title, functions }) => chapter(title, functions))
  return [
    '# Functions',
    'Made from the declarations by `npm run docs`; every example is a test. NULL for NULL unless said otherwise.',
    ...chapters,
    chapter('Aggregates', AGGREGATES),
    '',
  ].join('\n\n')
}

const chapter = (title: string, functions: readonly (ScalarFunction | AggregateFunction)[]): string =>
  [`## ${title}`, ...functions.toSorted((a, b) => (a.name < b.name ? -1 : 1)).map(entry)].join('\n\n')

function entry({ name, aliases, description, examples }: ScalarFunction | AggregateFunction): string {
  const also = aliases.length === 0 ? '' : `\n\nAlso: ${aliases.map(alias => `\`${alias}\``).join(', ')}.`
  return `### ${name}\n\n${description}${also}\n\n\`\`\`sql\n${examples.map(exampleLine).join('\n')}\n\`\`\``
}

const exampleLine = ({ sql, result }: FunctionExample): string =>
  `SELECT ${sql}; -- ${result === '' ? '(empty)' : result}`
