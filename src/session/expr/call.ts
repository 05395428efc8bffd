/** Calls of functions, with what may follow an aggregate's arguments. */
import { quoteIdent } from '../../parser/quote.js'
import { joinText, text, type SqlText } from '../sql-text.js'
import { Expr, RANK, SortExpr, sortText, toExpr, type ExprInput, type WindowOptions } from './expr.js'

interface CallParts {
  readonly name: string
  readonly args: SqlText
  readonly distinct?: boolean
  readonly orderBy?: SqlText
  readonly filter?: SqlText
  readonly over?: SqlText
}

/** A call; the modifiers are for aggregates (and `over` for window functions). */
export class CallExpr extends Expr {
  readonly #parts: CallParts

  constructor(parts: CallParts) {
    super(callText(parts), RANK.operand)
    this.#parts = parts
  }

  /** Each value once: `count(DISTINCT x)`. */
  distinct(): CallExpr {
    return new CallExpr({ ...this.#parts, distinct: true })
  }

  /** Only rows for which the predicate is true. */
  filter(predicate: ExprInput): CallExpr {
    return new CallExpr({ ...this.#parts, filter: toExpr(predicate).text })
  }

  /** The order in which an aggregate such as `string_agg` takes its rows. */
  orderBy(...keys: readonly (ExprInput | SortExpr)[]): CallExpr {
    return new CallExpr({ ...this.#parts, orderBy: keysText(keys) })
  }

  /** Over a window of rows around each row instead of a group. */
  over(options: WindowOptions = {}): CallExpr {
    return new CallExpr({ ...this.#parts, over: windowText(options) })
  }
}

export function call(name: string, args: readonly ExprInput[]): CallExpr {
  return new CallExpr({
    name,
    args: joinText(
      args.map(arg => toExpr(arg).text),
      ', ',
    ),
  })
}

/** `count(*)`: the number of rows. */
export const countRows = (): CallExpr => new CallExpr({ name: 'count', args: ['*'] })

function callText({ name, args, distinct, orderBy, filter, over }: CallParts): SqlText {
  const order = orderBy === undefined ? '' : text` ORDER BY ${orderBy}`
  const where = filter === undefined ? '' : text` FILTER (WHERE ${filter})`
  const window = over === undefined ? '' : text` OVER (${over})`
  return text`${functionName(name)}(${distinct === true ? 'DISTINCT ' : ''}${args}${order})${where}${window}`
}

/** `any (…)` and `some (…)` after an operator are quantifiers. */
const functionName = (name: string): string => (name === 'any' || name === 'some' ? `"${name}"` : quoteIdent(name))

function windowText({ partitionBy = [], orderBy = [], frame = '' }: WindowOptions): SqlText {
  const partition =
    partitionBy.length === 0
      ? []
      : [
          text`PARTITION BY ${joinText(
            partitionBy.map(expr => toExpr(expr).text),
            ', ',
          )}`,
        ]
  const order = orderBy.length === 0 ? [] : [text`ORDER BY ${keysText(orderBy)}`]
  return joinText([...partition, ...order, ...(frame === '' ? [] : [frame])], ' ')
}

const keysText = (keys: readonly (ExprInput | SortExpr)[]): SqlText =>
  joinText(
    keys.map(key => sortText(key instanceof SortExpr ? key : toExpr(key))),
    ', ',
  )
