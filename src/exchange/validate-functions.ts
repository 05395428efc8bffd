/** Functions of users as they come over the wire. */
import { field } from '../arrow/schema.js'
import type { UserFunction } from '../expr/functions/user-function.js'
import { listOf, malformed, objectOf, schemaIn, stringOf, type Peer } from './validate.js'

/** PROTOCOL when it is no list of functions. */
export function userFunctionsOf(value: unknown, peer: Peer): readonly UserFunction[] {
  for (const each of listOf(value, 'functions', peer)) checkFunction(objectOf(each, 'a function', peer), peer)
  return value as readonly UserFunction[]
}

function checkFunction(value: Record<string, unknown>, peer: Peer): void {
  stringOf(value.name, 'the name of a function', peer)
  if (!['scalar', 'aggregate'].includes(String(value.kind)) || !['propagate', 'own'].includes(String(value.nulls)))
    throw malformed('a function of an unknown kind', peer)
  if (typeof value.isVolatile !== 'boolean') throw malformed('a function that may be volatile or not', peer)
  const args = listOf(value.args, 'the arguments of a function', peer)
  const state = listOf(value.state, 'the state of a function', peer).map(entry => {
    const [name, type, ...rest] = listOf(entry, 'a part of a state', peer)
    if (rest.length > 0) throw malformed('a part of a state that is no pair', peer)
    return field(stringOf(name, 'a part of a state', peer), type as never)
  })
  const types = [...args, value.returns].map(type => field('value', type as never))
  schemaIn({ fields: [...types, ...state] }, peer)
  checkCode(objectOf(value.code, 'the code of a function', peer), peer)
}

const TEXTS_OF_CODE: Readonly<Record<string, readonly string[]>> = {
  closure: ['id'],
  source: ['text'],
  module: ['url', 'name'],
  extension: ['name', 'id'],
}

function checkCode(code: Record<string, unknown>, peer: Peer): void {
  const kind = String(code.kind)
  if (!Object.hasOwn(TEXTS_OF_CODE, kind)) throw malformed(`a function whose code is '${kind}'`, peer)
  for (const key of TEXTS_OF_CODE[kind]) stringOf(code[key], 'the code of a function', peer)
  if (kind === 'module' && !String(code.url).startsWith('file:'))
    throw malformed('a function of a module that is no file', peer)
}
