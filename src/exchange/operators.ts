/** The registration list of the exchange's own operators, beside physical/operators/index.ts. */
import type { OperatorDefinition } from '../physical/plan.js'
import { exchangeSinkOperator } from './exchange-sink.js'
import { exchangeSourceOperator } from './exchange-source.js'

export const EXCHANGE_OPERATORS: readonly OperatorDefinition[] = [
  exchangeSinkOperator as OperatorDefinition,
  exchangeSourceOperator as OperatorDefinition,
]
