/*! HERA, Apache-2.0. Third parties: see LICENSES.txt beside this file. */
