/** An extension with a placement policy: all tasks of a query run on the executor whose id comes first. */
import type { Extension } from '../../src/index.js'

const extension: Extension = {
  name: 'one-executor',
  placement(stages, executors) {
    const [first] = executors.toSorted((left, right) => (left.id < right.id ? -1 : 1))
    return new Map(stages.map(({ id, taskCount }) => [id, Array.from({ length: taskCount }, () => first)]))
  },
}

export default extension
