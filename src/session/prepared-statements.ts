/** PREPARE, EXECUTE and DEALLOCATE: statements that are run with other values each time. */
import { didYouMean, fail } from '../common/errors.js'
import { castExpr } from '../expr/build.js'
import { literal, typeOf, type LiteralExpr } from '../expr/expr.js'
import { evaluateRow } from '../expr/interpret.js'
import { at } from '../logical/bind/context.js'
import { bindType } from '../logical/bind/expr.js'
import { constantOf } from '../logical/bind/constant.js'
import type { Ident, StatementNode, TypeNode } from '../parser/ast.js'
import type { Parameters } from './parameters.js'

/** What PREPARE keeps. */
export interface PreparedStatement {
  readonly name: string
  readonly text: string
  /** Names of the parameters that occur in the text. */
  readonly parameters: ReadonlySet<string>
  readonly types: readonly TypeNode[]
}

/** The prepared statements of a session by name. */
export class PreparedStatements {
  readonly #byName = new Map<string, PreparedStatement>()

  /** Throws DUPLICATE_NAME for a name in use, TYPE_MISMATCH for a type that does not exist. */
  prepare({ name, text, types, statement }: Extract<StatementNode, { kind: 'prepare' }>): void {
    if (this.#byName.has(name.name)) {
      throw fail('DUPLICATE_NAME', [`prepared statement '${name.name}'`], { span: name.span })
    }
    types.forEach(bindType)
    this.#byName.set(name.name, { name: name.name, text, parameters: parameterNames(statement), types })
  }

  /** Throws INVALID_ARGUMENT, naming the nearest one, if there is none. */
  lookup({ name, span }: Ident): PreparedStatement {
    const prepared = this.#byName.get(name)
    if (prepared !== undefined) return prepared
    const hint = didYouMean(name, this.#byName.keys())
    throw fail('INVALID_ARGUMENT', [`there is no prepared statement '${name}'${hint}`], { span })
  }

  /** Forgets one, or without a name all. */
  deallocate(name?: Ident): void {
    if (name === undefined) this.#byName.clear()
    else this.#byName.delete(this.lookup(name).name)
  }
}

/** The values that EXECUTE gives, one for each parameter; throws INVALID_ARGUMENT for others. */
export function argumentsOf(
  prepared: PreparedStatement,
  node: Extract<StatementNode, { kind: 'execute' }>,
  now: bigint,
): Parameters {
  const written = [
    ...node.args.map((value, i) => ({ name: String(i + 1), value, span: value.span })),
    ...node.named.map(({ name, value }) => ({ name: parameterNamed(prepared, name), value, span: name.span })),
  ]
  const given = new Map<string, LiteralExpr>()
  for (const { name, value, span } of written) {
    if (!prepared.parameters.has(name) || given.has(name)) {
      const text = given.has(name) ? `parameter $${name} is given twice` : `there is no parameter $${name}`
      throw fail('INVALID_ARGUMENT', [`${text} in prepared statement '${prepared.name}'`], { span })
    }
    const constant = constantOf(value, { now }, 'the arguments of EXECUTE')
    given.set(
      name,
      at(span, () => typed(constant, prepared.types[Number(name) - 1])),
    )
  }
  const missing = [...prepared.parameters].find(name => !given.has(name))
  if (missing === undefined) return Object.fromEntries(given)
  const text = `prepared statement '${prepared.name}' needs a value for parameter $${missing}`
  throw fail('INVALID_ARGUMENT', [text], { span: node.span })
}

/** The parameter that a written name means: `$minQty` is also `minqty`. */
function parameterNamed({ parameters }: PreparedStatement, { name, quoted }: Ident): string {
  if (parameters.has(name) || quoted) return name
  return [...parameters].find(parameter => parameter.toLowerCase() === name) ?? name
}

function typed(value: LiteralExpr, type: TypeNode | undefined): LiteralExpr {
  if (type === undefined) return value
  const cast = castExpr(value, bindType(type))
  return literal(evaluateRow(cast, []), typeOf(cast))
}

/** The names of all parameters in a statement. Without recursion: chains are long. */
export function parameterNames(statement: StatementNode): ReadonlySet<string> {
  const names = new Set<string>()
  const stack: unknown[] = [statement]
  for (let node = stack.pop(); stack.length > 0 || node !== undefined; node = stack.pop()) {
    if (typeof node !== 'object' || node === null) continue
    if ('kind' in node && node.kind === 'parameter' && 'name' in node) names.add(String(node.name))
    for (const child of Object.values(node)) if (typeof child === 'object' && child !== null) stack.push(child)
  }
  return names
}
