/** A client's request as a scheduler sees it: checked before anything is made of it. */
import type { TableStatistics } from '../catalog/table-statistics.js'
import { schemaIn } from '../exchange/validate.js'
import { fail } from '../common/errors.js'
import { userFunctionsOf } from '../exchange/validate-functions.js'
import type { PlanRequest, Registration } from './registration.js'

/** A request as it came over the wire; PROTOCOL when it is not one. */
export function planRequestOf(value: unknown): PlanRequest {
  const request = value as Partial<PlanRequest> | null
  const text = (field: unknown): boolean => typeof field === 'string'
  const plain = (field: unknown): boolean => typeof field === 'object' && field !== null
  const valid =
    plain(request) &&
    text(request?.sql) &&
    text(request?.baseDirectory) &&
    plain(request?.settings) &&
    ['undefined', 'boolean'].includes(typeof request?.command) &&
    ['undefined', 'string'].includes(typeof request?.submission) &&
    (request?.analyzed === undefined || isTableStatistics(request.analyzed)) &&
    Object.values(request?.settings ?? {}).every(text) &&
    Array.isArray(request?.registrations) &&
    request.registrations.every(registration => plain(registration) && isRegistration(registration)) &&
    (request.parameters === undefined ||
      (plain(request.parameters) && Object.values(request.parameters).every(isParameter)))
  if (!valid) throw fail('PROTOCOL', ['a client', 'a query request has another form than this version expects'])
  // It runs nothing, and so it need not wait for others.
  if (request?.command === true && request.planOnly !== true)
    throw fail('PROTOCOL', ['a client', 'a command that is not for the planner alone'])
  userFunctionsOf(request?.functions ?? [], { name: 'a client', version: 'unknown' })
  return request as PlanRequest
}

/** A constant whose value is one of its type, as far as later steps take that for granted. */
function isParameter(given: unknown): boolean {
  const { kind, type, value } = (given ?? {}) as Partial<Record<string, unknown>>
  const typeKind = (type as { readonly kind?: unknown } | null | undefined)?.kind
  if (kind !== 'literal' || typeof typeKind !== 'string' || value === undefined) return false
  schemaIn({ fields: [{ name: '', nullable: true, type }] }, { name: 'a client', version: 'unknown' })
  if (typeof value === 'bigint') return BigInt.asIntN(128, value) === value
  const isWhole = ['int', 'decimal', 'timestamp'].includes(typeKind)
  return !isWhole || value === null || Number.isInteger(value)
}

const isKeyList = (keys: unknown): boolean =>
  Array.isArray(keys) && keys.every(key => typeof (key as { readonly name?: unknown } | null)?.name === 'string')

function isTableStatistics(given: unknown): given is TableStatistics {
  const { columns, fingerprint, rowCount } = (given ?? {}) as Partial<Record<keyof TableStatistics, unknown>>
  const isCount = (count: unknown): boolean =>
    count === undefined || (Number.isSafeInteger(count) && Number(count) >= 0)
  const isText = (bound: unknown): boolean => bound === undefined || typeof bound === 'string'
  return (
    typeof fingerprint === 'string' &&
    rowCount !== undefined &&
    isCount(rowCount) &&
    Array.isArray(columns) &&
    columns.every((column: unknown) => {
      const { distinctCount, max, min, name, nullCount } = (column ?? {}) as Partial<Record<string, unknown>>
      return typeof name === 'string' && [distinctCount, nullCount].every(isCount) && [min, max].every(isText)
    })
  )
}

function isRegistration(entry: Registration): boolean {
  if (typeof entry.name !== 'string') return false
  switch (entry.kind) {
    case 'listing':
      return (
        typeof entry.path === 'string' &&
        typeof entry.format === 'string' &&
        typeof entry.options === 'object' &&
        (entry.partitionedBy === undefined || isKeyList(entry.partitionedBy)) &&
        (entry.analyzed === undefined || isTableStatistics(entry.analyzed))
      )
    case 'memory':
      return Array.isArray(entry.schema?.fields) && Array.isArray(entry.batches)
    case 'view':
      return typeof entry.sql === 'string' && Array.isArray(entry.columns)
    case 'stream':
    default:
      return false
  }
}
