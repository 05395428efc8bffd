/** The public API. */
export { BallistaError, fail, type ErrorCategory, type ErrorCode, type ErrorInfo, type Span } from './common/errors.js'
export {
  SessionContext,
  type FileOptions,
  type Paths,
  type RemoteOptions,
  type SessionOptions,
  type SqlOptions,
  type StandaloneOptions,
} from './session/context.js'
export { settingsFromEnv } from './session/options.js'
export type { AllowedStatements } from './session/allowed-statements.js'
export { DataFrame } from './session/dataframe.js'
export type { Result } from './session/result.js'
export type { RemoteSecurity } from './session/remote-backend.js'
export type { TlsFiles } from './exchange/security.js'
export type { QueryProgress, RunOptions } from './session/run-options.js'
export type { Row, RowForms, RowValue } from './session/rows.js'
export type { StreamFormat, StreamOptions } from './session/readable.js'
export type { ExplainOptions, InsertOptions, ViewOptions, WriteOptions } from './session/frame-actions.js'
export type { JoinOptions, JoinType } from './session/join-text.js'
export type { ColumnInput, PredicateInput, SortInput } from './session/columns-argument.js'
export type { ParameterValue, ParameterValues } from './session/parameters.js'
export type { ArrowInput } from './session/input-arrow.js'
export type { InputRow } from './session/input-rows.js'
export type { StreamInput } from './session/input-stream.js'
export type { FunctionEntry, ShippedCode, UdafOptions, UdfOptions } from './session/user-functions.js'
export type { AggregateCode, ScalarCode } from './expr/functions/user-function.js'
export { loadExtension, type LoadedExtension } from './session/extensions.js'
export {
  defineExtension,
  type Extension,
  type ExtensionAggregate,
  type ExtensionFunction,
} from './exchange/define-extension.js'
export type { UrlStore } from './storage/extension-store.js'
export type { LogicalRule } from './optimizer/rule.js'
export type { LogicalPlan } from './logical/plan.js'
export type { OperatorDefinition, PhysicalPlan } from './physical/plan.js'
export type { PhysicalRule } from './physical/rules/rule.js'
export type {
  CommittedFile,
  LoggedColumn,
  LoggedFile,
  OpenTable,
  TableCommit,
  TableDefinition,
  TableFiles,
  TableFormat,
  TablePlace,
} from './catalog/table-format.js'
export type { RowFormat } from './formats/row-format.js'
export type { OpenRowTable, RowTable } from './formats/row-table.js'
export type { SourceRow, SourceRows } from './formats/row-source.js'
export type { ExecutorPlace, Placement, PlacementPolicy } from './exchange/placement.js'
export type { SchemaInput } from './expr/type-text.js'

export {
  and,
  caseOf,
  cast,
  col,
  exists,
  expr,
  ident,
  inSubquery,
  lit,
  not,
  notExists,
  notInSubquery,
  or,
  placeholder,
  scalarSubquery,
  tryCast,
  when,
  type CaseExpr,
} from './session/expr/builders.js'
export { fn, type FunctionBuilder, type Functions } from './session/expr/functions.js'
export { sql, type Sql, type SqlPart } from './session/expr/sql.js'
export type { CallExpr } from './session/expr/call.js'
export type { Expr, ExprInput, SortExpr, SortOptions, WindowOptions } from './session/expr/expr.js'
export type { SqlValue } from './session/expr/literal.js'

export type { Field, Schema } from './arrow/schema.js'
export type { DataType } from './arrow/types.js'
