/** The one table of errors: every failure a user can meet has a code here, and only codes decide what happens next. */
import { invariant } from './invariant.js'

export type ErrorCategory = 'user' | 'resource' | 'network' | 'internal' | 'cancelled'

/** A place in a SQL text: offsets in UTF-16 code units, `start` inclusive, `end` exclusive. */
export interface Span {
  readonly start: number
  readonly end: number
}

interface ErrorDefinition {
  readonly category: ErrorCategory
  readonly retryable: boolean
  /** `%s` is replaced by the arguments, in order. */
  readonly text: string
}

const define = (category: ErrorCategory, text: string, retryable = false): ErrorDefinition => ({
  category,
  text,
  retryable,
})

/** Alphabetical. The texts say what was found, what was expected and what to do. */
export const ERRORS = {
  ADDRESS_NOT_ALLOWED: define(
    'user',
    "'%s' leads to the address %s, which is not public; start the server with --allow-network if it is meant",
  ),
  ARENA_EXHAUSTED: define('resource', 'no contiguous run of %s bytes left in the memory arena (%s bytes in use)'),
  CANCELLED: define('cancelled', 'query cancelled: %s'),
  CLIENT_IDLE: define(
    'resource',
    'the client took nothing of the result for %s ms; read on while it comes, or raise ballista.client.idle_timeout',
  ),
  COLUMN_AMBIGUOUS: define('user', "column '%s' is ambiguous: it is in %s; qualify it with the table name"),
  COLUMN_NOT_FOUND: define('user', "column '%s' not found%s"),
  DATA_CORRUPTION: define('network', 'data from %s is corrupt: %s', true),
  DIVIDE_BY_ZERO: define('user', 'division by zero'),
  DUPLICATE_NAME: define('user', '%s already exists; choose another name or drop it first'),
  EXECUTOR_LOST: define('network', 'executor %s was lost: %s', true),
  EXTENSION_INVALID: define('user', 'extension %s cannot be used: %s'),
  FILE_EXISTS: define('user', "'%s' already exists; choose another path, or another mode: append or overwrite"),
  FILE_INVALID: define('user', '%s: %s'),
  FILE_NOT_READABLE: define('user', "host %s cannot read '%s': %s"),
  FILE_NOT_WRITABLE: define('user', "host %s cannot write '%s': %s"),
  FUNCTION_ARGUMENTS: define('user', '%s'),
  FUNCTION_FAILED: define('user', 'function %s: %s'),
  FUNCTION_NOT_FOUND: define('user', "function '%s' not found%s"),
  GROUP_BY_MISSING: define('user', "column '%s' must appear in GROUP BY or inside an aggregate function"),
  INTERNAL: define('internal', '%s'),
  INVALID_ARGUMENT: define('user', '%s'),
  INVALID_CAST: define('user', "cannot cast %s to %s: '%s'"),
  INVALID_OPTION: define('user', "option '%s': %s"),
  MEMORY_LIMIT: define(
    'resource',
    'memory limit of %s bytes reached by %s, which asked for %s more; raise ballista.memory.limit, or lower ballista.execution.batch_size',
  ),
  NETWORK: define('network', '%s', true),
  NO_EXECUTORS: define(
    'resource',
    'no executor is registered with the scheduler; start one with: ballista executor',
    true,
  ),
  NOT_SUPPORTED: define('user', '%s is not supported'),
  NUMERIC_OVERFLOW: define('user', 'value out of range for %s'),
  PARTIAL_RESULT_DELIVERED: define(
    'network',
    'the query failed after some of its rows had been given out (%s); run it again, or take the rows by collect() or stream({ hold: true }), which start again unnoticed',
    true,
  ),
  PATH_NOT_ALLOWED: define(
    'user',
    "host %s may not open '%s': it is not below a data root; start the server with --data-root, or move the file",
  ),
  PROTOCOL: define('network', 'protocol error with %s: %s'),
  QUERY_TOO_DEEP: define(
    'user',
    'the query nests too deeply for this version; split it, or use fewer terms in one chain',
  ),
  RESOURCE_EXHAUSTED: define('resource', 'the cluster is busy: %s; try again in %s ms', true),
  SCHEDULER_RESTARTED: define(
    'network',
    'the scheduler ended or was restarted while the query ran; run it again',
    true,
  ),
  SCHEMA_NOT_FOUND: define('user', "schema '%s' not found%s"),
  SPILL_CORRUPT: define('resource', 'a temporary file in %s does not hold what was written to it: %s'),
  SPILL_DISK_FULL: define(
    'resource',
    'no space left for temporary files in %s; free some, or set ballista.runtime.temp_directory to another disk',
  ),
  SPILL_FAILED: define('resource', 'temporary file in %s: %s'),
  SPILL_LIMIT: define(
    'resource',
    'temporary files would take more than the %s bytes of ballista.runtime.max_temp_directory_size; raise it, or raise ballista.memory.limit',
  ),
  STORE_FAILED: define('resource', "the store in '%s': %s"),
  STORE_LOCKED: define('user', "the store in '%s' is in use by process %s; stop it, or give another directory"),
  SYNTAX: define('user', '%s'),
  TABLE_NOT_FOUND: define('user', "table '%s' not found%s"),
  TASK_KILLS_EXECUTOR: define(
    'resource',
    'the query is not tried again: executors ended twice while %s ran on them, the last time because %s',
  ),
  THREAD_LOST: define('resource', 'worker thread ended unexpectedly: %s', true),
  TIMEOUT: define('cancelled', 'query cancelled: it took longer than %s ms'),
  TYPE_MISMATCH: define('user', '%s'),
  UNAUTHENTICATED: define(
    'user',
    '%s wants the token of its cluster; give it by --token-file, --auth-token-file or the option token',
  ),
  USER_CODE_REFUSED: define(
    'user',
    'function %s is code of a client, which this cluster does not run; start scheduler and executors with --allow-udf, or load it as an --extension',
  ),
  WRITE_CONFLICT: define('user', "the write to '%s' met another one: %s; nothing of it was written, try again", true),
  WRITE_UNFINISHED: define(
    'resource',
    "the write to '%s' is complete but not yet visible (%s); it will be before the next write there, so do not write these rows again without their idempotency key",
    true,
  ),
} as const satisfies Record<string, ErrorDefinition>

export type ErrorCode = keyof typeof ERRORS

/** The form in which an error crosses threads and gRPC; nothing is decided on its text. */
export interface ErrorInfo {
  readonly code: ErrorCode
  readonly message: string
  readonly span?: Span
  /** Outermost first, e.g. `stage 2, partition 0`, `HashJoinExec`. */
  readonly context: readonly string[]
  /** When trying again makes sense. */
  readonly retryAfterMs?: number
}

export class BallistaError extends Error {
  override readonly name = 'BallistaError'
  readonly code: ErrorCode
  readonly span: Span | undefined
  readonly context: readonly string[]
  readonly retryAfterMs: number | undefined

  constructor(info: ErrorInfo, options?: { cause?: unknown }) {
    super(info.message, options)
    this.code = info.code
    this.span = info.span
    this.context = info.context
    this.retryAfterMs = info.retryAfterMs
  }

  get category(): ErrorCategory {
    return ERRORS[this.code].category
  }

  get retryable(): boolean {
    return ERRORS[this.code].retryable
  }

  toInfo(): ErrorInfo {
    const { code, message, context, retryAfterMs, span } = this
    return {
      code,
      message,
      context,
      ...(span === undefined ? {} : { span }),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    }
  }
}

/** Makes the error of a code; `args` fill the `%s` of its text. */
export function fail(
  code: ErrorCode,
  args: readonly unknown[] = [],
  options: { span?: Span | undefined; cause?: unknown; retryAfterMs?: number } = {},
): BallistaError {
  let next = 0
  const message = ERRORS[code].text.replace(/%s/g, () => {
    invariant(next < args.length, `error ${code} needs more arguments`)
    return String(args[next++])
  })
  const { cause, retryAfterMs, span } = options
  const info: ErrorInfo = {
    code,
    message,
    context: [],
    ...(span === undefined ? {} : { span }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  }
  return new BallistaError(info, cause === undefined ? {} : { cause })
}

/** Any thrown value as a BallistaError: coded errors stay as they are, others become INTERNAL with the value as cause. */
export function toBallistaError(value: unknown): BallistaError {
  if (value instanceof BallistaError) return value
  if (value instanceof Error && value.name === 'AbortError') return fail('CANCELLED', ['aborted'], { cause: value })
  // What recursion over a tree ends in when the tree is deeper than the stack.
  if (value instanceof RangeError && value.message.includes('call stack'))
    return fail('QUERY_TOO_DEEP', [], { cause: value })
  const text = value instanceof Error ? value.message : String(value)
  return fail('INTERNAL', [text], { cause: value })
}

/** The same error with one more outer context line. */
export function withContext(error: BallistaError, line: string): BallistaError {
  return new BallistaError({ ...error.toInfo(), context: [line, ...error.context] }, { cause: error.cause ?? error })
}

/** ` , did you mean 'x'?` for the nearest of `candidates` (at most a third of the letters wrong), else nothing. */
export function didYouMean(name: string, candidates: Iterable<string>): string {
  let best: string | undefined
  let bestDistance = Math.max(1, Math.floor(name.length / 3)) + 1
  for (const candidate of candidates) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase())
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance]
  }
  return best === undefined ? '' : `, did you mean '${best}'?`
}

/** Insertions, deletions, replacements and swaps of neighbours, over UTF-16 code units. */
function editDistance(left: string, right: string): number {
  let previous = Array.from({ length: right.length + 1 }, (_, column) => column)
  let beforePrevious = previous
  for (let row = 1; row <= left.length; row++) {
    const current = [row]
    for (let column = 1; column <= right.length; column++) {
      const substitute = previous[column - 1] + (left[row - 1] === right[column - 1] ? 0 : 1)
      const isSwapped = left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1]
      const swap = row > 1 && column > 1 && isSwapped ? beforePrevious[column - 2] + 1 : Infinity
      current.push(Math.min(substitute, swap, previous[column] + 1, current[column - 1] + 1))
    }
    beforePrevious = previous
    previous = current
  }
  return previous[right.length]
}
