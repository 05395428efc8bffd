/** The syntax tree of one statement: readonly plain objects on `kind`, each with its place in the SQL text. */
import type { Span } from '../common/errors.js'

export interface Ident {
  /** Lower case unless the user quoted it. */
  readonly name: string
  readonly quoted: boolean
  readonly span: Span
}

/** `a`, `schema.a` or `catalog.schema.a`. */
export type ObjectName = readonly Ident[]

export type ComparisonOperator = '=' | '<>' | '<' | '<=' | '>' | '>='

// oxfmt-ignore
export type BinaryOperator =
  '+' | '-' | '*' | '/' | '%' | '||' | ComparisonOperator | 'and' | 'or' | 'is distinct from' | 'is not distinct from'

/** A type as written, e.g. `DECIMAL(15, 2)`: upper-case words and numeric arguments. */
export interface TypeNode {
  readonly name: string
  readonly args: readonly number[]
  readonly span: Span
}

export type ExprNode = { readonly span: Span } & (
  | { readonly kind: 'column'; readonly path: readonly Ident[] }
  /** Digits exactly as written, e.g. `1`, `0.05`, `1e3`. */
  | { readonly kind: 'number'; readonly text: string }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'null' }
  /** `x[1]`, `x[1:2]`; `to` is null for `x[1:]`. */
  | {
      readonly kind: 'subscript'
      readonly input: ExprNode
      readonly from?: ExprNode
      readonly to?: ExprNode | null
    }
  /** `{a: 1}`. */
  | { readonly kind: 'struct'; readonly fields: readonly NamedArgument[] }
  /** Only in GROUP BY: ROLLUP, CUBE and GROUPING SETS, whose members may be such again. */
  | {
      readonly kind: 'groupingSets'
      readonly how: 'rollup' | 'cube' | 'sets'
      readonly sets: readonly (readonly ExprNode[])[]
    }
  /** `[1, 2]`, `ARRAY[1, 2]`. */
  | { readonly kind: 'list'; readonly items: readonly ExprNode[] }
  /** `DATE '1998-12-01'`, `TIMESTAMP '…'`. */
  | { readonly kind: 'typedString'; readonly type: TypeNode; readonly value: string }
  /** `INTERVAL '3' DAY` (unit 'day'), `INTERVAL 3 DAY`, `INTERVAL '1 year 2 months'` (no unit). */
  | { readonly kind: 'interval'; readonly value: string; readonly unit?: string }
  /** `$1` or `$name`; the nth `?` of the text is `$n`. */
  | { readonly kind: 'parameter'; readonly name: string }
  | { readonly kind: 'unary'; readonly op: '-' | '+' | 'not'; readonly input: ExprNode }
  | { readonly kind: 'binary'; readonly op: BinaryOperator; readonly left: ExprNode; readonly right: ExprNode }
  | { readonly kind: 'isNull'; readonly input: ExprNode; readonly negated: boolean }
  | {
      readonly kind: 'isTruth'
      readonly input: ExprNode
      readonly truth: 'true' | 'false' | 'unknown'
      readonly negated: boolean
    }
  | {
      readonly kind: 'between'
      readonly input: ExprNode
      readonly low: ExprNode
      readonly high: ExprNode
      readonly negated: boolean
    }
  | { readonly kind: 'inList'; readonly input: ExprNode; readonly list: readonly ExprNode[]; readonly negated: boolean }
  | { readonly kind: 'inSubquery'; readonly input: ExprNode; readonly query: QueryNode; readonly negated: boolean }
  /** `= ANY` is inSubquery, `<> ALL` its negation; here stand the others. */
  | {
      readonly kind: 'quantified'
      readonly op: ComparisonOperator
      readonly quantifier: 'any' | 'all'
      readonly input: ExprNode
      readonly query: QueryNode
    }
  | { readonly kind: 'exists'; readonly query: QueryNode; readonly negated: boolean }
  | { readonly kind: 'scalarSubquery'; readonly query: QueryNode }
  | {
      readonly kind: 'like'
      readonly input: ExprNode
      readonly pattern: ExprNode
      readonly escape?: ExprNode
      readonly negated: boolean
      readonly caseInsensitive: boolean
    }
  | {
      readonly kind: 'case'
      readonly operand?: ExprNode
      readonly whens: readonly ExprNode[]
      readonly thens: readonly ExprNode[]
      readonly otherwise?: ExprNode
    }
  | { readonly kind: 'cast'; readonly input: ExprNode; readonly type: TypeNode; readonly safe: boolean }
  /** Field in lower case: `year`, `month`, `day`, … */
  | { readonly kind: 'extract'; readonly field: string; readonly input: ExprNode }
  | {
      readonly kind: 'call'
      readonly name: Ident
      readonly args: readonly ExprNode[]
      readonly distinct: boolean
      readonly orderBy: readonly OrderItem[]
      /** WITHIN GROUP (ORDER BY …). */
      readonly withinGroup?: readonly OrderItem[]
      /** IGNORE NULLS, RESPECT NULLS. */
      readonly nulls?: 'ignore' | 'respect'
      readonly filter?: ExprNode
      readonly over?: WindowNode
    }
  /** Only as the argument of an aggregate (`count(*)`). */
  | { readonly kind: 'star' }
)

/** Where a frame begins or ends; no offset: the edge of the partition, or the current row. */
export interface FrameBound {
  readonly side: 'preceding' | 'current' | 'following'
  readonly offset?: ExprNode
}

/** No `end`: the current row. */
export interface WindowFrame {
  readonly unit: 'rows' | 'range' | 'groups'
  readonly start: FrameBound
  readonly end?: FrameBound
}

export interface WindowNode {
  /** The name of a window that this one is, or adds to. */
  readonly base?: Ident
  readonly partitionBy: readonly ExprNode[]
  readonly orderBy: readonly OrderItem[]
  readonly frame?: WindowFrame
}

export interface OrderItem {
  readonly expr: ExprNode
  readonly descending: boolean
  /** Absent: NULLs are greater than every value (last when ascending, first when descending). */
  readonly nullsFirst?: boolean
}

/** ORDER BY ALL: by every column of the select list, from left to right. */
export interface OrderAll extends Omit<OrderItem, 'expr'> {
  readonly kind: 'all'
}

export type SelectItem =
  | { readonly kind: 'expr'; readonly expr: ExprNode; readonly alias?: Ident; readonly span: Span }
  /** `*` or `t.*`; `exclude` and `replace` are empty lists when not written. */
  | {
      readonly kind: 'wildcard'
      readonly qualifier?: ObjectName
      readonly exclude: readonly Ident[]
      readonly replace: readonly { readonly expr: ExprNode; readonly name: Ident }[]
      readonly span: Span
    }

// oxfmt-ignore
export type JoinType =
  'inner' | 'left' | 'right' | 'full' | 'cross' | 'left semi' | 'right semi' | 'left anti' | 'right anti'

export type JoinCondition =
  | { readonly kind: 'on'; readonly expr: ExprNode }
  | { readonly kind: 'using'; readonly columns: readonly Ident[] }
  | { readonly kind: 'natural' }

/** `name = value` in parentheses. */
export interface NamedArgument {
  readonly name: Ident
  readonly value: ExprNode
}

export interface TableAlias {
  readonly name: Ident
  readonly columns: readonly Ident[]
}

/** `FOR VERSION AS OF 3`. */
export interface TableVersion {
  readonly what: 'version' | 'timestamp'
  readonly value: ExprNode
}

export type TableNode = { readonly span: Span } & (
  | { readonly kind: 'table'; readonly name: ObjectName; readonly version?: TableVersion; readonly alias?: TableAlias }
  /** `FROM 'dir/file.parquet'`. */
  | { readonly kind: 'file'; readonly path: string; readonly alias?: TableAlias }
  /** `read_csv('x', header = true)`. */
  | {
      readonly kind: 'function'
      readonly name: Ident
      readonly args: readonly ExprNode[]
      readonly named: readonly NamedArgument[]
      readonly alias?: TableAlias
    }
  | { readonly kind: 'derived'; readonly query: QueryNode; readonly alias?: TableAlias; readonly lateral: boolean }
  | {
      readonly kind: 'join'
      readonly left: TableNode
      readonly right: TableNode
      readonly type: JoinType
      readonly condition?: JoinCondition
    }
)

export interface SelectNode {
  readonly kind: 'select'
  /** `all`: none written. `on`: DISTINCT ON (exprs). */
  readonly distinct: false | true | { readonly on: readonly ExprNode[] }
  readonly items: readonly SelectItem[]
  /** Comma list; empty when there is no FROM. */
  readonly from: readonly TableNode[]
  readonly where?: ExprNode
  /** 'all' for GROUP BY ALL. */
  readonly groupBy: readonly ExprNode[] | 'all'
  readonly having?: ExprNode
  /** WINDOW name AS (…). */
  readonly windows?: readonly { readonly name: Ident; readonly window: WindowNode }[]
  readonly qualify?: ExprNode
  readonly span: Span
}

export type QueryBody =
  | SelectNode
  | { readonly kind: 'values'; readonly rows: readonly (readonly ExprNode[])[]; readonly span: Span }
  | {
      readonly kind: 'setOperation'
      readonly op: 'union' | 'intersect' | 'except'
      readonly all: boolean
      readonly byName: boolean
      readonly left: QueryBody
      readonly right: QueryBody
      readonly span: Span
    }
  | { readonly kind: 'nested'; readonly query: QueryNode; readonly span: Span }

export interface QueryNode {
  readonly kind: 'query'
  readonly with: readonly { readonly name: Ident; readonly columns: readonly Ident[]; readonly query: QueryNode }[]
  readonly recursive: boolean
  readonly body: QueryBody
  readonly orderBy: readonly OrderItem[] | OrderAll
  readonly limit?: ExprNode
  readonly offset?: ExprNode
  readonly span: Span
}

/** The clauses that say where a table's rows are kept. */
export interface TableStorage {
  readonly storedAs: string
  /** Absent: where the catalog keeps tables. */
  readonly location?: string
  readonly partitionedBy: readonly PartitionColumn[]
  readonly options: OptionList
}

/** A column whose values stand in directories; without a type it is one of the table's list, or its type is found. */
export interface PartitionColumn {
  readonly name: Ident
  readonly type?: TypeNode
}

export interface ColumnDefinition {
  readonly name: Ident
  readonly type: TypeNode
  readonly notNull: boolean
  /** What rows without a value get; `text` is its SQL as written. */
  readonly default?: { readonly expr: ExprNode; readonly text: string }
}

/** `OPTIONS (has_header true, 'delimiter' '|')`: keys in lower case without the prefix `format.`; values as text. */
export type OptionList = Readonly<Record<string, string>>

export type StatementNode = { readonly span: Span } & (
  | QueryNode
  | {
      readonly kind: 'explain'
      readonly analyze: boolean
      /** Runs a query in several tasks and in one, and compares. */
      readonly verify: boolean
      readonly verbose: boolean
      readonly format?: string
      readonly statement: StatementNode
    }
  | {
      readonly kind: 'createExternalTable'
      readonly name: ObjectName
      readonly columns: readonly ColumnDefinition[]
      readonly storedAs: string
      readonly location: string
      readonly partitionedBy: readonly PartitionColumn[]
      readonly options: OptionList
      readonly ifNotExists: boolean
      readonly orReplace: boolean
      /** Of the session alone. */
      readonly temporary: boolean
    }
  | {
      readonly kind: 'createTable'
      readonly name: ObjectName
      readonly columns: readonly ColumnDefinition[]
      readonly query?: QueryNode
      /** Absent: in memory. */
      readonly stored?: TableStorage
      readonly ifNotExists: boolean
      readonly orReplace: boolean
      readonly temporary: boolean
    }
  /** `text` is the SQL of the query as written, so that a view can travel. */
  | {
      readonly kind: 'createView'
      readonly name: ObjectName
      readonly columns: readonly Ident[]
      readonly query: QueryNode
      readonly text: string
      readonly ifNotExists: boolean
      readonly orReplace: boolean
      readonly temporary: boolean
    }
  | { readonly kind: 'createSchema'; readonly name: ObjectName; readonly ifNotExists: boolean }
  | {
      readonly kind: 'drop'
      readonly what: 'table' | 'view' | 'schema'
      readonly name: ObjectName
      readonly ifExists: boolean
      /** With all that is in the schema. */
      readonly cascade: boolean
    }
  | { readonly kind: 'set'; readonly key: string; readonly value: string }
  | { readonly kind: 'reset'; readonly key: string }
  | { readonly kind: 'show'; readonly what: 'tables'; readonly schema?: ObjectName }
  | { readonly kind: 'show'; readonly what: 'schemas' | 'catalogs' | 'all' | 'option'; readonly name?: string }
  | { readonly kind: 'showFunctions'; readonly like?: string }
  | { readonly kind: 'showCreate'; readonly name: ObjectName }
  | { readonly kind: 'describe'; readonly target: ObjectName | QueryNode }
  /** No columns: all of them. */
  | { readonly kind: 'analyze'; readonly table: ObjectName; readonly columns: readonly Ident[] }
  | { readonly kind: 'showStats'; readonly table: ObjectName }
  /** `text` is the SQL of the target. */
  | { readonly kind: 'summarize'; readonly target: ObjectName | QueryNode; readonly text: string }
  | {
      readonly kind: 'copy'
      readonly source: ObjectName | QueryNode
      readonly path: string
      readonly format?: string
      readonly partitionBy?: readonly Ident[]
      readonly options: OptionList
    }
  | {
      readonly kind: 'insert'
      readonly table: ObjectName
      /** Columns that have one value in all rows: only these rows of the table are overwritten. */
      readonly partition: readonly { readonly name: Ident; readonly value: ExprNode }[]
      readonly columns: readonly Ident[]
      /** The columns of the query go to those of the same name. */
      readonly byName: boolean
      readonly query: QueryNode
      readonly overwrite: boolean
    }
  /** TRUNCATE has no condition. */
  | { readonly kind: 'delete'; readonly table: ObjectName; readonly where?: ExprNode }
  | {
      readonly kind: 'update'
      readonly table: ObjectName
      readonly set: readonly NamedArgument[]
      readonly where?: ExprNode
    }
  /** `text` is the SQL of the statement as written; `types` are those of $1, $2, …, empty when not written. */
  | {
      readonly kind: 'prepare'
      readonly name: Ident
      readonly types: readonly TypeNode[]
      readonly statement: StatementNode
      readonly text: string
    }
  | {
      readonly kind: 'execute'
      readonly name: Ident
      readonly args: readonly ExprNode[]
      readonly named: readonly NamedArgument[]
    }
  /** No name: all of them. */
  | { readonly kind: 'deallocate'; readonly name?: Ident }
)
