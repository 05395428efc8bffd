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

export const encodeWireText = (value: unknown): string => JSON.stringify(value, tagged)

export const decodeWireText = (text: string): unknown =>
  mayBeTagged(text) ? JSON.parse(text, untagged) : JSON.parse(text)

/** False for most messages, which are parsed several times as fast without a reviver: no key begins with `$`, escaped or not, or is __proto__. */
const mayBeTagged = (text: string): boolean => text.includes('"$') || text.includes('\\u') || text.includes('__proto__')

/** JSON.stringify's replacer; `this` is the holder, whose own value has not been through `toJSON`. */
function tagged(this: unknown, key: string, converted: unknown): unknown {
  const value = (this as Record<string, unknown>)[key]
  if (typeof value === 'bigint') return { $bigint: value.toString() }
  if (typeof value === 'number')
    return isPlainNumber(value) ? value : { $number: Object.is(value, -0) ? '-0' : String(value) }
  if (value instanceof Uint8Array) {
    return { $bytes: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64') }
  }
  if (isObject(value) && Object.keys(value).some(name => name.startsWith('$'))) {
    return { $object: Object.entries(value) }
  }
  return converted
}

const isPlainNumber = (value: number): boolean => Number.isFinite(value) && !Object.is(value, -0)

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const TAGS = new Set(['$bigint', '$bytes', '$number', '$object'])

function untagged(key: string, value: unknown): unknown {
  if (key === '__proto__') throw new SyntaxError('key __proto__')
  if (!isObject(value)) return value
  const keys = Object.keys(value)
  if (keys.length !== 1 || !TAGS.has(keys[0])) return value
  const content = value[keys[0]]
  switch (keys[0]) {
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
    default:
      if (!Array.isArray(content)) throw new SyntaxError('bad $object')
      return Object.fromEntries(content as [string, unknown][])
  }
}
