import { usePage } from '../components/shell';
import type { PageProps } from '../app';

export default function Soon(_: PageProps) {
  usePage({ label: 'release' });
  return (
    <div className="page">
      <h1 className="ti">release</h1>
    </div>
  );
}
