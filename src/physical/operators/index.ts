/** The registration list of physical operators, alphabetical by kind. */
import type { OperatorDefinition } from '../plan.js'
import { aggregateOperator } from './aggregate.js'
import { coalesceOperator } from './coalesce.js'
import { dataSourceOperator } from './data-source.js'
import { emptyOperator } from './empty.js'
import { encodeOperator } from './encode.js'
import { exchangeOperator } from './exchange.js'
import { filterOperator } from './filter.js'
import { hashJoinOperator } from './hash-join.js'
import { limitOperator } from './limit.js'
import { materializeOperator, sharedRowsOperator } from './materialize.js'
import { nestedLoopJoinOperator } from './nested-loop-join.js'
import { projectionOperator } from './projection.js'
import { replicateOperator } from './replicate.js'
import { rowNumberOperator } from './row-number.js'
import { sortOperator } from './sort.js'
import { topKOperator } from './top-k.js'
import { unionOperator } from './union.js'
import { valuesOperator } from './values.js'
import { writeOperator } from './write.js'

/** Lowering asks them in this order; which comes first does not matter, as no two lower the same logical node. */
export const OPERATORS: readonly OperatorDefinition[] = [
  aggregateOperator as OperatorDefinition,
  coalesceOperator as OperatorDefinition,
  dataSourceOperator as OperatorDefinition,
  emptyOperator as OperatorDefinition,
  encodeOperator as OperatorDefinition,
  exchangeOperator as OperatorDefinition,
  filterOperator as OperatorDefinition,
  hashJoinOperator as OperatorDefinition,
  limitOperator as OperatorDefinition,
  materializeOperator as OperatorDefinition,
  nestedLoopJoinOperator as OperatorDefinition,
  projectionOperator as OperatorDefinition,
  replicateOperator as OperatorDefinition,
  rowNumberOperator as OperatorDefinition,
  sharedRowsOperator as OperatorDefinition,
  sortOperator as OperatorDefinition,
  topKOperator as OperatorDefinition,
  unionOperator as OperatorDefinition,
  valuesOperator as OperatorDefinition,
  writeOperator as OperatorDefinition,
]
