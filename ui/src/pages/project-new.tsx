import { usePage } from '../components/shell';
import type { PageProps } from '../app';

export default function Soon(_: PageProps) {
  usePage({ label: 'project-new' });
  return (
    <div className="page">
      <h1 className="ti">project-new</h1>
    </div>
  );
}
