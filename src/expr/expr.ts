/** Typed expressions: one immutable union for the binder, the optimizer, the physical plan, pushdown and the wire. */
import { tree, type ChildTable } from '../common/tree.js'
import { BOOLEAN, type DataType, type Value } from '../arrow/types.js'

export type ArithmeticOp = '+' | '-' | '*' | '/' | '%'
export type ComparisonOp = '=' | '<>' | '<' | '<=' | '>' | '>='
/** `distinct` is IS DISTINCT FROM, `notDistinct` is IS NOT DISTINCT FROM. */
export type BinaryOp = ArithmeticOp | ComparisonOp | 'and' | 'or' | '||' | 'distinct' | 'notDistinct'

export type Expr =
  /** A column of the logical plan, by name. */
  | {
      readonly kind: 'column'
      readonly relation?: string
      readonly name: string
      readonly type: DataType
      readonly nullable: boolean
    }
  /** A column of the input batch, by position: what physical expressions hold. */
  | {
      readonly kind: 'input'
      readonly index: number
      readonly name: string
      readonly type: DataType
      readonly nullable: boolean
    }
  | { readonly kind: 'literal'; readonly value: Value; readonly type: DataType }
  /** Operands are already coerced: arithmetic on equal types, or on decimals (any scales), or date ± interval. */
  | {
      readonly kind: 'binary'
      readonly op: BinaryOp
      readonly left: Expr
      readonly right: Expr
      readonly type: DataType
    }
  /**
   * `head op rest op rest …` computed from left to right: a long run of binary nodes without their depth. Operators are
   * of one precedence; `head` and every intermediate result have the type of the whole.
   */
  | {
      readonly kind: 'chain'
      readonly head: Expr
      readonly ops: readonly ArithmeticOp[]
      /** As many as `ops`. */
      readonly rest: readonly Expr[]
      readonly type: DataType
    }
  | { readonly kind: 'not'; readonly input: Expr }
  | { readonly kind: 'negate'; readonly input: Expr; readonly type: DataType }
  | { readonly kind: 'isNull'; readonly input: Expr; readonly negated: boolean }
  /** All list items are coerced to the type of `input`. */
  | { readonly kind: 'inList'; readonly input: Expr; readonly list: readonly Expr[]; readonly negated: boolean }
  | {
      readonly kind: 'like'
      readonly input: Expr
      readonly pattern: Expr
      readonly escape?: string
      readonly negated: boolean
      readonly caseInsensitive: boolean
    }
  /** Searched CASE (an operand was rewritten to `=`); thens and otherwise share one type. Lazy: unreached branches never raise. */
  | {
      readonly kind: 'case'
      readonly whens: readonly Expr[]
      readonly thens: readonly Expr[]
      readonly otherwise?: Expr
      readonly type: DataType
    }
  /** `safe` is TRY_CAST: NULL instead of an error. */
  | { readonly kind: 'cast'; readonly input: Expr; readonly type: DataType; readonly safe: boolean }
  /** A scalar function by its canonical name; args are already coerced. */
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly Expr[]; readonly type: DataType }
  /** Only in aggregate plans. count(*) has no args. `orderBy` and `orders` are the keys of ORDER BY in the call. */
  | {
      readonly kind: 'aggregate'
      readonly name: string
      readonly args: readonly Expr[]
      readonly distinct: boolean
      readonly filter?: Expr
      readonly orderBy?: readonly Expr[]
      readonly orders?: readonly KeyOrder[]
      readonly type: DataType
    }

export const EXPR_CHILDREN = {
  column: {},
  input: {},
  literal: {},
  binary: { left: true, right: true },
  chain: { head: true, rest: true },
  not: { input: true },
  negate: { input: true },
  isNull: { input: true },
  inList: { input: true, list: true },
  like: { input: true, pattern: true },
  case: { whens: true, thens: true, otherwise: true },
  cast: { input: true },
  call: { args: true },
  aggregate: { args: true, filter: true, orderBy: true },
} as const satisfies ChildTable<Expr>

export const exprTree = tree<Expr>(EXPR_CHILDREN)

export type ColumnExpr = Extract<Expr, { kind: 'column' }>
export type InputExpr = Extract<Expr, { kind: 'input' }>
export type LiteralExpr = Extract<Expr, { kind: 'literal' }>
export type AggregateExpr = Extract<Expr, { kind: 'aggregate' }>

/** The type of an expression; O(1). */
export function typeOf(expr: Expr): DataType {
  switch (expr.kind) {
    case 'not':
    case 'isNull':
    case 'inList':
    case 'like':
      return BOOLEAN
    case 'column':
    case 'input':
    case 'literal':
    case 'binary':
    case 'chain':
    case 'negate':
    case 'case':
    case 'cast':
    case 'call':
    case 'aggregate':
      return expr.type
  }
}

/** The operation of each step of a chain: its left side stands for the result so far, of which only the type counts. */
export const chainSteps = (chain: Extract<Expr, { kind: 'chain' }>): readonly Extract<Expr, { kind: 'binary' }>[] =>
  chain.rest.map((right, i) => ({ kind: 'binary', op: chain.ops[i], left: chain.head, right, type: chain.type }))

export const literal = (value: Value, type: DataType): LiteralExpr => ({ kind: 'literal', value, type })

/** How one key of ORDER BY sorts. */
export interface KeyOrder {
  readonly descending: boolean
  readonly nullsFirst: boolean
}

/** ORDER BY key. */
export interface SortKey extends KeyOrder {
  readonly expr: Expr
}
