/* harness.gauge._gauge: the gauge as a Python extension, so that the package builds and finds it.
 *
 * It offers main(argv) alone, which belongs in a process of its own: it takes over the signals and
 * standard streams. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "gauge.h"

static void forget(char **words, Py_ssize_t many)
{
    for (Py_ssize_t i = 0; i < many; i++)
        PyMem_Free(words[i]);
    PyMem_Free(words);
}

/* A copy of one argument in the file system's encoding; NULL with an exception set. */
static char *copy(PyObject *item)
{
    PyObject *bytes = NULL;
    char *word = NULL;
    if (!PyUnicode_FSConverter(item, &bytes))
        return NULL;
    word = PyMem_Malloc((size_t)PyBytes_GET_SIZE(bytes) + 1);
    if (word == NULL)
        PyErr_NoMemory();
    else
        memcpy(word, PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes) + 1);
    Py_DECREF(bytes);
    return word;
}

static PyObject *run(PyObject *self, PyObject *list)
{
    Py_ssize_t many, made = 0;
    char **words = NULL, **shuffled = NULL;
    PyObject *result = NULL;
    int code;
    (void)self;
    if (!PyList_Check(list)) {
        PyErr_SetString(PyExc_TypeError, "main() takes a list of strings");
        return NULL;
    }
    many = PyList_GET_SIZE(list);
    words = PyMem_Calloc((size_t)many + 1, sizeof *words);
    shuffled = PyMem_Calloc((size_t)many + 1, sizeof *shuffled);
    if (words == NULL || shuffled == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    for (; made < many; made++) {
        words[made] = copy(PyList_GET_ITEM(list, made));
        if (words[made] == NULL)
            goto done;
        shuffled[made] = words[made];
    }
    Py_BEGIN_ALLOW_THREADS
    code = gauge_main((int)many, shuffled);
    Py_END_ALLOW_THREADS
    result = PyLong_FromLong(code);
done:
    PyMem_Free(shuffled);
    if (words != NULL)
        forget(words, made);
    return result;
}

static PyMethodDef methods[] = {
    {"main", run, METH_O, "main(argv) -> exit code: run one role to its end."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "_gauge", .m_doc = "The native gauge.", .m_size = -1,
    .m_methods = methods,
};

PyMODINIT_FUNC PyInit__gauge(void);

PyMODINIT_FUNC PyInit__gauge(void)
{
    return PyModule_Create(&definition);
}
