/** An extension with a scalar and an aggregate function. Types only are imported: the engine brings itself. */
import type { Extension } from '../../src/index.js'

const extension: Extension = {
  name: 'geo',
  functions: [
    {
      name: 'distance_km',
      args: ['DOUBLE', 'DOUBLE', 'DOUBLE', 'DOUBLE'],
      returns: 'DOUBLE',
      code: (...args) => {
        const [lat1, lon1, lat2, lon2] = (args as number[]).map(degrees => (degrees * Math.PI) / 180)
        const chord =
          Math.sin((lat2 - lat1) / 2) ** 2 + Math.cos(lat1) * Math.cos(lat2) * Math.sin((lon2 - lon1) / 2) ** 2
        return 2 * 6371 * Math.asin(Math.sqrt(chord))
      },
    },
  ],
  aggregates: [
    {
      name: 'geometric_mean',
      args: ['DOUBLE'],
      returns: 'DOUBLE',
      state: { logs: 'DOUBLE', n: 'INT' },
      code: {
        initial: () => ({ logs: 0, n: 0 }),
        update: ({ logs, n }, x) => ({ logs: Number(logs) + Math.log(Number(x)), n: Number(n) + 1 }),
        merge: (left, right) => ({
          logs: Number(left['logs']) + Number(right['logs']),
          n: Number(left['n']) + Number(right['n']),
        }),
        finish: ({ logs, n }) => (n === 0 ? null : Math.exp(Number(logs) / Number(n))),
      },
    },
  ],
}

export default extension
