/** Checks what other processes sent before it is used: known operators, schemas, types and numbers, or a PROTOCOL error. */
import type { Field, Schema } from '../arrow/schema.js'
import type { DataType } from '../arrow/types.js'
import { fail, type BallistaError } from '../common/errors.js'
import type { PhysicalPlan } from '../physical/plan.js'
import { VERSION } from './protocol.js'

/** Who sent it, for error messages: a name such as `the scheduler`, and its software version. */
export interface Peer {
  readonly name: string
  readonly version: string
}

/** Plans deeper than this come from no SQL text that the parser accepts. */
const MAX_DEPTH = 1_000

/** The value as a plan of known operators. */
export function planOf(value: unknown, knows: (kind: string) => boolean, peer: Peer, depth = 0): PhysicalPlan {
  const node = objectOf(value, 'a plan', peer)
  if (depth > MAX_DEPTH) throw malformed(`a plan more than ${MAX_DEPTH} operators deep`, peer)
  if (typeof node.kind !== 'string') throw malformed('an operator without a kind', peer)
  if (!knows(node.kind)) {
    throw malformed(
      `unknown operator '${node.kind}': it is version ${peer.version}, this is version ${VERSION}; run the same version on all nodes`,
      peer,
    )
  }
  schemaIn(node.schema, peer)
  for (const child of listOf(node.children, `children of ${node.kind}`, peer)) planOf(child, knows, peer, depth + 1)
  return value as PhysicalPlan
}

/** The value as a schema. */
export function schemaIn(value: unknown, peer: Peer): Schema {
  for (const field of listOf(objectOf(value, 'a schema', peer).fields, 'fields', peer)) checkField(field, peer, 0)
  return value as Schema
}

function checkField(value: unknown, peer: Peer, depth: number): void {
  const field = objectOf(value, 'a field', peer) as Partial<Field>
  if (typeof field.name !== 'string' || typeof field.nullable !== 'boolean')
    throw malformed('a field without name or nullability', peer)
  checkType(field.type, peer, depth + 1)
}

const INT_BITS = [8, 16, 32, 64]
const UNITS = ['s', 'ms', 'us', 'ns']

function checkType(value: unknown, peer: Peer, depth: number): void {
  const type = objectOf(value, 'a type', peer) as DataType
  if (depth > MAX_DEPTH) throw malformed(`a type more than ${MAX_DEPTH} levels deep`, peer)
  const require = (condition: boolean): void => {
    if (!condition) throw malformed(`a malformed ${type.kind} type`, peer)
  }
  switch (type.kind) {
    case 'null':
    case 'boolean':
    case 'utf8':
    case 'binary':
    case 'date':
    case 'interval':
      return
    case 'int':
      return require(INT_BITS.includes(type.bits) && typeof type.signed === 'boolean')
    case 'float':
      return require(type.bits === 32 || type.bits === 64)
    case 'decimal': {
      const { precision, scale } = type
      return require(
        Number.isInteger(precision) &&
          Number.isInteger(scale) &&
          precision >= 1 &&
          precision <= 38 &&
          scale >= 0 &&
          scale <= precision,
      )
    }
    case 'timestamp':
      return require(UNITS.includes(type.unit) && (type.timeZone === undefined || typeof type.timeZone === 'string'))
    case 'list':
      return checkField(type.element, peer, depth)
    case 'struct':
      return listOf(type.fields, 'fields of a struct', peer).forEach(field => checkField(field, peer, depth))
    case 'map':
      checkField(type.key, peer, depth)
      return checkField(type.value, peer, depth)
    default:
      throw malformed(
        `unknown type '${String((type as { kind: unknown }).kind)}': it is version ${peer.version}, this is version ${VERSION}`,
        peer,
      )
  }
}

export function objectOf(value: unknown, what: string, peer: Peer): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw malformed(`${what} that is not an object`, peer)
  return value as Record<string, unknown>
}

export function listOf(value: unknown, what: string, peer: Peer): readonly unknown[] {
  if (!Array.isArray(value)) throw malformed(`${what} that are not a list`, peer)
  return value
}

export function stringOf(value: unknown, what: string, peer: Peer): string {
  if (typeof value !== 'string') throw malformed(`${what} that is not text`, peer)
  return value
}

/** A whole number from 0 below `limit`. */
export function countOf(value: unknown, limit: number, what: string, peer: Peer): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value >= limit) {
    throw malformed(`${what} that is not a number from 0 below ${limit}`, peer)
  }
  return value
}

export const malformed = (found: string, peer: Peer): BallistaError => fail('PROTOCOL', [peer.name, found])
