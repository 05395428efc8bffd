/** Proofs from column statistics that no row of a file piece can satisfy a predicate. */
import type { DataType, Value } from '../arrow/types.js'
import type { ColumnStatistics } from '../catalog/table-provider.js'
import type { ComparisonOp, Expr, InputExpr, LiteralExpr } from '../expr/expr.js'

/** Statistics of a piece by column number of the file schema; `rowCount` rows. */
export interface PieceStatistics {
  readonly rowCount: number
  column(index: number): ColumnStatistics
  /** Whether it is certain that no row has this value, if more is known than the statistics. */
  lacks?(index: number, value: LiteralExpr): boolean
}

/** False only if it is certain that every row makes `predicate` false or NULL. Never throws. */
export function mayMatch(predicate: Expr, piece: PieceStatistics): boolean {
  switch (predicate.kind) {
    case 'literal':
      return predicate.value === true || typeof predicate.value !== 'boolean'
    case 'binary':
      if (predicate.op === 'and') return mayMatch(predicate.left, piece) && mayMatch(predicate.right, piece)
      if (predicate.op === 'or') return mayMatch(predicate.left, piece) || mayMatch(predicate.right, piece)
      return comparisonMayMatch(predicate, piece)
    case 'inList':
      if (predicate.negated || predicate.input.kind !== 'input') return true
      return predicate.list.some(item => item.kind !== 'literal' || comparedMayMatch('=', predicate.input, item, piece))
    case 'isNull':
      return predicate.input.kind !== 'input' || nullTestMayMatch(predicate.input, predicate.negated, piece)
    default:
      return true
  }
}

const FLIPPED = { '=': '=', '<>': '<>', '<': '>', '<=': '>=', '>': '<', '>=': '<=' } as const

const isComparison = (op: string): op is ComparisonOp => op in FLIPPED

function comparisonMayMatch(predicate: Extract<Expr, { kind: 'binary' }>, piece: PieceStatistics): boolean {
  const { op, left, right } = predicate
  if (!isComparison(op)) return true
  if (right.kind === 'literal') return comparedMayMatch(op, left, right, piece)
  return left.kind === 'literal' ? comparedMayMatch(FLIPPED[op], right, left, piece) : true
}

function comparedMayMatch(op: ComparisonOp, input: Expr, literal: LiteralExpr, piece: PieceStatistics): boolean {
  if (input.kind !== 'input') return true
  if (literal.value === null) return false
  const { min, max, nullCount } = piece.column(input.index)
  if (nullCount !== undefined && nullCount >= piece.rowCount) return false
  const low = order(min, input.type, literal)
  const high = order(max, input.type, literal)
  switch (op) {
    case '=':
      if ((low !== undefined && low > 0) || (high !== undefined && high < 0)) return false
      return piece.lacks?.(input.index, literal) !== true
    case '<>':
      return isFloat(input.type) || !(low === 0 && high === 0)
    case '<':
      return low === undefined || low < 0
    case '<=':
      return low === undefined || low <= 0
    case '>':
      return high === undefined || high > 0 || isFloat(input.type)
    case '>=':
      return high === undefined || high >= 0 || isFloat(input.type)
  }
}

/** Statistics leave NaN out, which is greater than every number. */
const isFloat = (type: DataType): boolean => type.kind === 'float'

function nullTestMayMatch(input: InputExpr, negated: boolean, piece: PieceStatistics): boolean {
  const { nullCount } = piece.column(input.index)
  if (nullCount === undefined) return true
  return negated ? nullCount < piece.rowCount : nullCount > 0
}

/** Sign of bound - literal; undefined if they cannot be compared with certainty. */
function order(bound: Value | undefined, type: DataType, literal: LiteralExpr): number | undefined {
  if (bound === undefined || bound === null || literal.value === null) return undefined
  return compareValues(bound, type, literal.value, literal.type)
}

/** Sign of left - right for two non-NULL values; undefined for types that do not compare, and NaN. */
export function compareValues(left: Value, leftType: DataType, right: Value, rightType: DataType): number | undefined {
  if (typeof left === 'string' && typeof right === 'string')
    return Buffer.compare(Buffer.from(left), Buffer.from(right))
  if (left instanceof Uint8Array && right instanceof Uint8Array) return Buffer.compare(left, right)
  if (typeof left === 'boolean' && typeof right === 'boolean') return Number(left) - Number(right)
  if (!sameScale(leftType, rightType)) return undefined
  if (leftType.kind === 'float' || rightType.kind === 'float') return compareFloats(left, leftType, right, rightType)
  const exactLeft = exact(left, leftType)
  const exactRight = exact(right, rightType)
  if (exactLeft === undefined || exactRight === undefined) return undefined
  const scale = Math.max(exactLeft.scale, exactRight.scale)
  const difference = rescale(exactLeft, scale) - rescale(exactRight, scale)
  return difference === 0n ? 0 : difference < 0n ? -1 : 1
}

const isNumber = (type: DataType): boolean => type.kind === 'int' || type.kind === 'float' || type.kind === 'decimal'

/** Whether the numbers of two types mean the same thing. */
function sameScale(left: DataType, right: DataType): boolean {
  if (isNumber(left)) return isNumber(right)
  if (left.kind === 'timestamp') return right.kind === 'timestamp' && left.unit === right.unit
  return left.kind === right.kind
}

/** Only numbers that a double holds exactly. */
function compareFloats(left: Value, leftType: DataType, right: Value, rightType: DataType): number | undefined {
  const a = float(left, leftType)
  const b = float(right, rightType)
  return a === undefined || b === undefined || Number.isNaN(a) || Number.isNaN(b) ? undefined : Math.sign(a - b)
}

function float(value: Value, type: DataType): number | undefined {
  if (type.kind === 'float') return typeof value === 'number' ? value : undefined
  const integer = exact(value, type)
  return integer?.scale === 0 && Number.isSafeInteger(Number(integer.unscaled)) ? Number(integer.unscaled) : undefined
}

interface Exact {
  readonly unscaled: bigint
  readonly scale: number
}

function exact(value: Value, type: DataType): Exact | undefined {
  if (typeof value !== 'bigint' && !(typeof value === 'number' && Number.isInteger(value))) return undefined
  return { unscaled: BigInt(value), scale: type.kind === 'decimal' ? type.scale : 0 }
}

const rescale = ({ unscaled, scale }: Exact, to: number): bigint => unscaled * 10n ** BigInt(to - scale)
