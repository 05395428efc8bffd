/**
 * The functions of users that this thread can run, by internal name. A name stands for one declaration and one code for ever, and
 * sessions find names through their own lists: so they share this table without seeing each other's functions.
 */
import { runInThisContext } from 'node:vm'
import { BallistaError, fail } from '../../common/errors.js'
import { UseTable } from '../../common/use-table.js'
import type { AggregateDefinition } from './aggregate/accumulator.js'
import type { ScalarFunction } from './function.js'
import { internalName } from './internal-name.js'
import { aggregateOf, scalarOf } from './user-definition.js'
import type { AggregateCode, FunctionCode, ScalarCode, UserFunction } from './user-function.js'

interface Brought {
  readonly scalar?: ScalarFunction
  readonly aggregate?: AggregateDefinition
}

const brought = new UseTable<Brought>()

export const broughtScalar = (name: string): ScalarFunction | undefined => brought.get(name)?.scalar
export const broughtAggregate = (name: string): AggregateDefinition | undefined => brought.get(name)?.aggregate

/** Makes the function known until the returned function is called; `code` is called with the first row. */
export const bring = (declared: UserFunction, code: () => unknown): (() => void) =>
  brought.hold(internalName(declared), () => definitionOf(declared, code))

const definitionOf = (declared: UserFunction, code: () => unknown): Brought =>
  declared.kind === 'scalar'
    ? { scalar: scalarOf(declared, () => functionOf(declared, code())) }
    : { aggregate: aggregateOf(declared, () => aggregateCodeOf(declared, code())) }

/** Enough to plan with: its code is not here. */
export const declare = (declared: UserFunction): (() => void) => bring(declared, shippedCode(declared))

/**
 * Makes functions that came with a plan runnable until the returned function is called. Throws USER_CODE_REFUSED where `allowed` is
 * false, FUNCTION_NOT_FOUND for a closure or extension that this process does not have, FUNCTION_FAILED for code that cannot be loaded.
 */
export async function bringShipped(functions: readonly UserFunction[], allowed: boolean): Promise<() => void> {
  const held: (() => void)[] = []
  const release = (): void => held.forEach(letGo => letGo())
  try {
    for (const declared of functions) held.push(await bringOne(declared, allowed))
    return release
  } catch (error) {
    release()
    throw error
  }
}

async function bringOne(declared: UserFunction, allowed: boolean): Promise<() => void> {
  const { code, name } = declared
  switch (code.kind) {
    case 'closure':
    case 'extension':
      if (brought.get(internalName(declared)) !== undefined) return bring(declared, () => undefined)
      if (code.kind === 'closure')
        throw fail('FUNCTION_NOT_FOUND', [name, ': its session has replaced it or is closed'])
      throw fail('FUNCTION_NOT_FOUND', [name, `: load the extension ${code.name}, in the version the scheduler has`])
    case 'source':
      checkAllowed(declared, allowed)
      return bring(declared, shippedCode(declared))
    case 'module': {
      checkAllowed(declared, allowed)
      imported.set(moduleKey(code), await importedValue(code.url, code.name, name))
      return bring(declared, shippedCode(declared))
    }
  }
}

/** Throws USER_CODE_REFUSED. */
export function checkAllowed({ name, code }: UserFunction, allowed: boolean): void {
  if (!allowed && (code.kind === 'source' || code.kind === 'module')) throw fail('USER_CODE_REFUSED', [name])
}

/** Exports of modules, which Node keeps, too. */
const imported = new Map<string, unknown>()

const moduleKey = ({ url, name }: Extract<FunctionCode, { kind: 'module' }>): string => `${url}#${name}`

async function importedValue(url: string, exported: string, name: string): Promise<unknown> {
  const module = (await import(url).catch((error: unknown) => {
    throw fail('FUNCTION_FAILED', [name, `its module ${url} cannot be loaded: ${(error as Error).message}`], {
      cause: error,
    })
  })) as Readonly<Record<string, unknown>>
  return module[exported]
}

function shippedCode({ code, name }: UserFunction): () => unknown {
  return () => {
    if (code.kind === 'module' && imported.has(moduleKey(code))) return imported.get(moduleKey(code))
    if (code.kind !== 'source') throw fail('INTERNAL', [`the code of ${name} was not loaded`])
    try {
      // No sandbox: whoever allows code of users lets it do what this process may do.
      return runInThisContext(`(${code.text}\n)`, { filename: `${name} (a function of a user)` }) as unknown
    } catch (error) {
      throw fail('FUNCTION_FAILED', [name, `its source: ${(error as Error).message}`], { cause: error })
    }
  }
}

function functionOf({ name }: UserFunction, value: unknown): ScalarCode {
  if (typeof value === 'function') return value as ScalarCode
  throw wrongCode(name, 'a function')
}

const AGGREGATE_PARTS = ['initial', 'update', 'merge', 'finish'] as const

function aggregateCodeOf({ name }: UserFunction, value: unknown): AggregateCode {
  const code = value as Partial<Record<(typeof AGGREGATE_PARTS)[number], unknown>> | null | undefined
  if (AGGREGATE_PARTS.every(part => typeof code?.[part] === 'function')) return value as AggregateCode
  throw wrongCode(name, `an object with the functions ${AGGREGATE_PARTS.join(', ')}`)
}

const wrongCode = (name: string, expected: string): BallistaError =>
  fail('FUNCTION_FAILED', [name, `its code is not ${expected}`])
