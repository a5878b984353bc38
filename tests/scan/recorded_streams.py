"""`prompt(Mint(KEY), 300)` as zstd 1.5 and brotli 1.2 write it: neither belongs to Python 3.11."""

import base64

ZSTD = base64.b64decode(
    b"KLUv/WDnBC0NAALHFxtwizpoVK4UGaJ2kOWUIooWyPTIyQlxqkdVdWbtkQ8ZUaVtwXEcDAxiQRRKkiiLprAACEhgwDSMhHfx"
    b"S6V9+5XI2J9pSU3SbNh3ps8df+2lpHureYlmOyl1NK898qFzgKioMdsklVrDGiACQhBjZx4RsJB0ULoaqo01y8htC4QjYDvh"
    b"VzNX5HMvNNeB9sfoNr1QFprQ5soTjEam23OwTcYFxF/EZOu1TI+vAP8DKPxLNMmkaknObRDPZGbvMMtC/PdR0sG1XtZzPcgz"
    b"RoG62RrIgMOs8FqGycDvMKaosOBSNlYIzTOst/1TTmMnDr60tLAqEWx6VEBAIZJo/TxCFNwgMrfdqC4VDH4F/hdsjTM3lj5b"
    b"PqAi5ezUB7U5ekuyq9IsWvn+aEtXTAmpg6sQsxxOgkFTGwv9GChoe/ty2COcZoZFgZV4lW0gdBmZSMlt0LFEPc0auzC0PYp5"
    b"Qm+P6nqhzNiTDqii2ljMDIHQhNNrTtDAlu+WqU5DMKzzkx0XBKkxgbUJ8glfFh6XLmsxlt3nBFROnUJd0kDCPfIFdoZI5h8="
)
BROTLI = base64.b64decode(
    b"G+YFABwJdqyJ594IQ8T/zmGYDeOVL2+hpOSbvhdy4lBrtLJJKxA36PMnS2j/X3fHQDchkAriMZYpiMsJd0K704FMKz6psRC8"
    b"du7ik5bb2pA69zn/zcH10eZa/SCqh6XdnaLaLTNDDXi++a9L9I1a+O1LFF+jzlHPR/P3VMLd+kga181eXI58Iyj+nIe/9VDN"
    b"+TFrM3GUPDQ+IFhK+5Pt8xArNk76SyIgYXLb0EbhhxhIi3J1pDw6djPnFdt7d64fgNfrjWtQGtCOe5tDrRN2Oz0SHxloucTd"
    b"LaBoVbGVBoJUYsNch/9sf1qZDMrnZUReqtNrI4q/O702N8Q5dzQVN6Lc7ohUiLEXe27gMZQhGKLmXGgVjKSpreRUUPn5OEz0"
    b"AMl2lCj+sZdtEhDtevF1JJ4Gf0NS31MQFaWhHIdn7myOGqK+HIQASEWtTVsSTQe90O1NjKrAwQNNF02YGI2yB8wclMHD/ZvH"
    b"IHLiFohI9qhlowA="
)
