/** Entry of worker threads that run the fake operators. */
import { EXCHANGE_OPERATORS } from '../../src/exchange/operators.js'
import { serveTasks } from '../../src/exchange/serve-tasks.js'
import { operatorTable } from '../../src/runtime/run-pipelines.js'
import { FAKE_OPERATORS } from './fake-operators.js'

serveTasks(operatorTable(FAKE_OPERATORS, EXCHANGE_OPERATORS))
