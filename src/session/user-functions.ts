/** Functions that a program registers with its session. */
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { typeName, type DataType } from '../arrow/types.js'
import { fail } from '../common/errors.js'
import { isBuiltIn } from '../expr/functions/index.js'
import { bring, declare } from '../expr/functions/brought.js'
import { internalName } from '../expr/functions/internal-name.js'
import type { FunctionCode, UserFunction } from '../expr/functions/user-function.js'
import { typeFrom } from '../expr/type-text.js'

/** Where the code is, unless it is given as a function of this process. */
export interface ShippedCode {
  /** The text of a JavaScript expression that gives the function, without anything from around it: `(a, b) => a + b`. */
  readonly source?: string
  /** An ECMAScript module that every node can read under this path, and its export (default: the name of the function). */
  readonly module?: string
  readonly export?: string
}

export interface UdfOptions extends ShippedCode {
  /** Types of the arguments, as SQL writes them: `['BIGINT', 'DECIMAL(10, 2)']`. */
  readonly args: readonly string[]
  readonly returns: string
  /** `propagate` (default): NULL for a NULL argument, and the code sees none; `own`: the code sees null. */
  readonly nulls?: 'propagate' | 'own'
  /** It may give something else for the same arguments; default: no. */
  readonly volatile?: boolean
}

export interface UdafOptions extends ShippedCode {
  readonly args: readonly string[]
  readonly returns: string
  /** Names and types of what a state keeps, e.g. `{ sum: 'DOUBLE', n: 'BIGINT' }`: partial states travel between tasks. */
  readonly state: Readonly<Record<string, string>>
  /** `skip` (default): rows with a NULL argument are left out; `own`: the code sees null. */
  readonly nulls?: 'skip' | 'own'
}

/** What SQL calls, and the internal names of plans. */
export const functionNamesOf = (functions: readonly UserFunction[]): ReadonlyMap<string, string> =>
  new Map(functions.map(declared => [declared.name, internalName(declared)]))

/** A function as SHOW FUNCTIONS and the prompt list it. */
export interface FunctionEntry {
  readonly name: string
  readonly kind: UserFunction['kind']
  readonly description: string
}

interface Held {
  readonly declared: UserFunction
  readonly letGo: () => void
}

/** The functions of one session, by name. */
export class UserFunctions {
  readonly #held = new Map<string, Held>()

  list(): UserFunction[] {
    return Array.from(this.#held.values(), ({ declared }) => declared)
  }

  entries(): FunctionEntry[] {
    return this.list().map(({ args, kind, name, returns }) => ({
      name,
      kind,
      description: `A function of this session: ${name}(${args.map(typeName).join(', ')}) gives ${typeName(returns)}.`,
    }))
  }

  /** Replaces an older one of the name. DUPLICATE_NAME for a name of SQL's own. */
  add(declared: UserFunction, code: unknown): void {
    const { name } = declared
    if (isBuiltIn(name)) throw fail('DUPLICATE_NAME', [`function '${name}'`])
    this.remove(name)
    const letGo = declared.code.kind === 'closure' ? bring(declared, () => code) : declare(declared)
    this.#held.set(name, { declared, letGo })
  }

  /** False if there was none. */
  remove(name: string): boolean {
    this.#held.get(name)?.letGo()
    return this.#held.delete(name)
  }

  clear(): void {
    for (const name of this.#held.keys()) this.remove(name)
  }
}

/** Those of this process: a number is never another one's. */
let closures = 0

export const scalarDeclaration = (name: string, options: UdfOptions, code: FunctionCode): UserFunction => ({
  kind: 'scalar',
  name: functionName(name),
  args: options.args.map(typeFrom),
  returns: typeFrom(options.returns),
  nulls: options.nulls ?? 'propagate',
  isVolatile: options.volatile === true,
  state: [],
  code,
})

export const aggregateDeclaration = (name: string, options: UdafOptions, code: FunctionCode): UserFunction => ({
  kind: 'aggregate',
  name: functionName(name),
  args: options.args.map(typeFrom),
  returns: typeFrom(options.returns),
  nulls: options.nulls === 'own' ? 'own' : 'propagate',
  isVolatile: false,
  state: Object.entries(options.state).map(([key, type]): [string, DataType] => [key, typeFrom(type)]),
  code,
})

/** SQL folds the names of functions. */
function functionName(name: string): string {
  if (/^[a-z_][a-z0-9_]*$/i.test(name)) return name.toLowerCase()
  throw fail('INVALID_ARGUMENT', [`'${name}' is no name of a function: letters, digits and _`])
}

/** INVALID_ARGUMENT unless there is exactly one code; NOT_SUPPORTED for a closure where tasks run in other processes. */
export function codeOf(
  name: string,
  options: ShippedCode,
  { closure, baseDirectory, runsHere }: CodePlace,
): FunctionCode {
  const { export: exported = name, module, source } = options
  if ([closure, module, source].filter(given => given !== undefined).length !== 1)
    throw fail('INVALID_ARGUMENT', [`function ${name} needs exactly one of a function, source and module`])
  if (source !== undefined) return { kind: 'source', text: source }
  if (module !== undefined)
    return { kind: 'module', url: pathToFileURL(resolve(baseDirectory, module)).href, name: exported }
  if (runsHere) return { kind: 'closure', id: String(++closures) }
  throw fail('NOT_SUPPORTED', [`a function of this process on a cluster (give ${name} as source or module)`])
}

interface CodePlace {
  readonly closure: unknown
  readonly baseDirectory: string
  /** Whether tasks can run in this process. */
  readonly runsHere: boolean
}
