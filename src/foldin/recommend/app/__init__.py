"""`foldin demo-app`: a page in the browser, on this machine only, that shows the lists of two models side by side."""
