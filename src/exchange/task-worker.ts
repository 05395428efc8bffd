/** Entry module of the worker threads that run tasks: all operators of the engine, served until the pool closes. */
import { OPERATORS } from '../physical/operators/index.js'
import { operatorTable } from '../runtime/run-pipelines.js'
import { EXCHANGE_OPERATORS } from './operators.js'
import { serveTasks } from './serve-tasks.js'

serveTasks(operatorTable(OPERATORS, EXCHANGE_OPERATORS))
