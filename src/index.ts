/** The public API. */
export { BallistaError, type ErrorCategory, type ErrorCode, type ErrorInfo, type Span } from './common/errors.js'
export { SessionContext, type FileOptions, type SessionOptions, type StandaloneOptions } from './session/context.js'
export { DataFrame, type RunOptions } from './session/dataframe.js'
export type { Row, RowValue } from './session/rows.js'
export type { Field, Schema } from './arrow/schema.js'
export type { DataType } from './arrow/types.js'
