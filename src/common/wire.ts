/**
 * Plans, settings and errors as bytes: JSON in which bigint, bytes, NaN, the infinities and -0 have one tagged form each
 * (`{"$bigint":"1"}`, `{"$bytes":"base64"}`, `{"$number":"NaN"}`), and an object with a key that begins with `$` is a list of entries
 * (`{"$object":[[key, value]]}`).
 */
import { fail } from './errors.js'

/** Plain data to UTF-8 bytes. Keys whose value is undefined are left out; functions and symbols are not plain data. */
export function encodeWire(value: unknown): Uint8Array {
  return new TextEncoder().encode(encodeWireText(value))
}

/** The inverse; `peer` names the sender in PROTOCOL errors. The result has the shape the sender chose: validate before use. */
export function decodeWire(bytes: Uint8Array, peer: string): unknown {
  try {
    return decodeWireText(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    throw fail('PROTOCOL', [peer, `not a well-formed message (${(error as Error).message})`], { cause: error })
  }
}

export const encodeWireText = (value: unknown): string => JSON.stringify(tagged(value))

export const decodeWireText = (text: string): unknown => {
  const value: unknown = JSON.parse(text)
  return mayBeTagged(text) ? untagged(value) : value
}

/** False for most messages, which need no walk: no key begins with `$`, escaped or not, or is __proto__. */
const mayBeTagged = (text: string): boolean => text.includes('"$') || text.includes('\\u') || text.includes('__proto__')

/** The value with tags; itself where it has none. Walked here: a replacer for JSON.stringify takes several times as long. */
function tagged(value: unknown): unknown {
  switch (typeof value) {
    case 'bigint':
      return { $bigint: value.toString() }
    case 'number':
      return isPlainNumber(value) ? value : { $number: Object.is(value, -0) ? '-0' : String(value) }
    case 'object':
      break
    default:
      return value
  }
  if (value === null) return value
  if (Array.isArray(value)) return taggedList(value)
  if (value instanceof Uint8Array)
    return { $bytes: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64') }
  return 'toJSON' in value ? value : taggedObject(value as Record<string, unknown>)
}

function taggedList(list: readonly unknown[]): readonly unknown[] {
  let copy: unknown[] | undefined
  for (let i = 0; i < list.length; i++) {
    const element = tagged(list[i])
    if (element !== list[i]) (copy ??= [...list])[i] = element
  }
  return copy ?? list
}

function taggedObject(object: Record<string, unknown>): object {
  const keys = Object.keys(object)
  if (keys.some(key => key.startsWith('$'))) return { $object: taggedList(Object.entries(object)) }
  let copy: Record<string, unknown> | undefined
  for (const key of keys) {
    const field = tagged(object[key])
    if (field !== object[key]) (copy ??= { ...object })[key] = field
  }
  return copy ?? object
}

const isPlainNumber = (value: number): boolean => Number.isFinite(value) && !Object.is(value, -0)

/** The parsed value, changed in place, without its tags. Walked here for the same reason. */
function untagged(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) value[i] = untagged(value[i])
    return value
  }
  const object = value as Record<string, unknown>
  const keys = Object.keys(object)
  for (const key of keys) {
    if (key === '__proto__') throw new SyntaxError('key __proto__')
    object[key] = untagged(object[key])
  }
  return keys.length === 1 && keys[0].startsWith('$') ? withoutTag(keys[0], object) : value
}

function withoutTag(tag: string, object: Record<string, unknown>): unknown {
  const content = object[tag]
  switch (tag) {
    case '$bigint':
      if (typeof content !== 'string' || !/^-?\d+$/.test(content)) throw new SyntaxError('bad $bigint')
      return BigInt(content)
    case '$bytes':
      if (typeof content !== 'string') throw new SyntaxError('bad $bytes')
      return new Uint8Array(Buffer.from(content, 'base64'))
    case '$number':
      if (typeof content !== 'string' || !['NaN', 'Infinity', '-Infinity', '-0'].includes(content))
        throw new SyntaxError('bad $number')
      return Number(content)
    case '$object':
      if (!Array.isArray(content)) throw new SyntaxError('bad $object')
      return Object.fromEntries(content as [string, unknown][])
    default:
      return object
  }
}
