/** Entry of the worker threads of `bench exchange`. */
import { serveTasks } from '../src/exchange/serve-tasks.js'
import { benchOperators } from './exchange-operators.js'

serveTasks(benchOperators())
